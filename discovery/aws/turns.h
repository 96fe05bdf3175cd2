// Lets at most so many at once, in the order in which they came. One thread, that of the executor.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <memory>

namespace naru::discovery::aws {

class Turns {
 public:
  Turns(boost::asio::any_io_executor executor, int at_once)
      : executor_(std::move(executor)), free_(at_once) {}

  // Held for as long as somebody's turn lasts.
  class Turn {
   public:
    explicit Turn(std::shared_ptr<Turns> turns) : turns_(std::move(turns)) {}
    ~Turn() { turns_->Return(); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    const std::shared_ptr<Turns> turns_;
  };

  static boost::asio::awaitable<std::unique_ptr<Turn>> Take(std::shared_ptr<Turns> self);

 private:
  using Waiter = std::shared_ptr<boost::asio::steady_timer>;  // never expires; cancelled when it is its turn

  void Return();

  const boost::asio::any_io_executor executor_;
  int free_;
  std::deque<Waiter> waiters_;  // one for each watched service at most
};

}  // namespace naru::discovery::aws
