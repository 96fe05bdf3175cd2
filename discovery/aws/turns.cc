#include "discovery/aws/turns.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace naru::discovery::aws {

namespace asio = boost::asio;

asio::awaitable<std::unique_ptr<Turns::Turn>> Turns::Take(std::shared_ptr<Turns> self) {
  if (self->free_ > 0) {
    --self->free_;
  } else {
    const auto waiter =
        std::make_shared<asio::steady_timer>(self->executor_, asio::steady_timer::time_point::max());
    self->waiters_.push_back(waiter);
    co_await waiter->async_wait(asio::as_tuple(asio::use_awaitable));
  }
  co_return std::make_unique<Turn>(self);
}

void Turns::Return() {
  if (waiters_.empty()) {
    ++free_;
    return;
  }
  waiters_.front()->cancel();  // the turn goes on to this one
  waiters_.pop_front();
}

}  // namespace naru::discovery::aws
