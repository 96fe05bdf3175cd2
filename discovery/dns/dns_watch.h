// Decides what is believed of one name: its A and AAAA records, or its SRV records.
//
// Each type has its own last good answer: one that cannot be asked for takes nothing from the other. Pure, as
// RecordWatch is.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "discovery/dns/record_watch.h"

namespace naru::discovery {

// What is believed of a name now.
struct DnsFound {
  std::vector<IpBytes> addresses;
  std::vector<SrvTarget> targets;
  bool sure = false;    // false: where there is nothing, that may be ignorance
  bool exists = true;   // false: the name does not exist, for sure
  std::string nothing;  // where there is surely nothing: a sentence about who said so

  bool empty() const { return addresses.empty() && targets.empty(); }
  bool operator==(const DnsFound&) const = default;
};

class DnsWatch {
 public:
  // A and AAAA, or SRV. All are due at once.
  DnsWatch(std::string name, std::vector<RecordType> types, const DnsTiming& timing, TimePoint now);

  const std::string& name() const { return name_; }

  // When TakeDue next has something; TimePoint::max() while all is under way.
  TimePoint NextDue() const;

  // The types to be asked for now. Each is to be followed by one Heard or Failed.
  std::vector<RecordType> TakeDue(TimePoint now);

  void Heard(RecordType type, const DnsAnswer& answer, TimePoint now, double uniform);
  void Failed(RecordType type, std::string detail, TimePoint now, double uniform);

  DnsFound Found() const;

  // Whether every type was answered, or failed, at least once: what there will be soon is there.
  bool HeardAll() const;
  bool HeardAny() const;

  // What is to be told of the last Heard or Failed beside what was found: a sentence, or nothing.
  const std::string& trouble() const { return trouble_; }
  // Whether the last of them was an answer.
  bool answered() const { return answered_; }

 private:
  struct Question {
    RecordType type;
    RecordWatch watch;
  };

  RecordWatch& WatchOf(RecordType type);  // one of those given to the constructor
  bool OthersHaveRecords(RecordType type) const;
  bool OthersAnswer(RecordType type) const;
  void AskOthersAgain(RecordType type, TimePoint now);
  std::string Doubt(RecordType type, const DnsAnswer& answer, bool had_records) const;
  std::string DescribeNothing(const DnsAnswer& answer, const std::string& types) const;
  std::string TypesInWords() const;

  std::string name_;
  DnsTiming timing_;
  std::vector<Question> questions_;
  std::string trouble_;
  bool answered_ = false;
};

}  // namespace naru::discovery
