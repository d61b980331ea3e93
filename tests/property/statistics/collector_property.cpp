// Whatever sources and programs say, and whenever: what is published is a body that event servers
// take, at most one a second, each later than the one before, and holds the last good figures.
#include "coordinator/statistics/collector.hpp"
#include "coordinator/wire/codec.hpp"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <optional>
#include <set>

namespace thor::statistics {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t sources = 3;

std::string name_of(std::size_t which) {
  return "source" + std::to_string(which);
}

class Story {
 public:
  Story() {
    std::vector<source> all;
    for (std::size_t i = 0; i < sources; ++i)
      all.push_back({name_of(i), std::chrono::seconds(5 * (i + 1))});
    subject_.configure(now_, all);
  }

  void step() {
    switch (*rc::gen::inRange(0, 4)) {
    case 0:
      return wait(std::chrono::milliseconds(*rc::gen::inRange(0, 20'000)));
    case 1:
      return answer();
    case 2:
      return hand_in();
    default:
      return wait(std::chrono::milliseconds(*rc::gen::inRange(0, 1500)));
    }
  }

  void finish() {
    // Until nothing was dropped so lately, or is to be so soon, that its publication is still due.
    const auto close = [this](const auto& one) {
      return one.second > now_ - publish_spacing && one.second <= now_ + publish_spacing;
    };
    while (std::ranges::any_of(until_, close))
      wait(publish_spacing);
    wait(publish_spacing);
    boost::json::object expected;
    for (const auto& [name, text] : good_)
      expected[name] = boost::json::parse(text);
    if (published_)
      RC_ASSERT(boost::json::parse(said().json).get_object() == expected);
    else
      RC_ASSERT(expected.empty());
  }

 private:
  /// Good figures, or none; sometimes so many that two of them do not fit.
  static std::string any_text() {
    const auto filler = std::string(*rc::gen::element<std::size_t>(1, 100, 7000, 17'000), 'x');
    return *rc::gen::element<std::string>("", "[1]", R"({"a":1})", R"({"b":{"x.example":2}})",
                                          R"({"x":")" + filler + "\"}");
  }

  void answer() {
    if (asked_.empty())
      return;
    const auto which = *rc::gen::elementOf(asked_);
    asked_.erase(which);
    if (*rc::gen::inRange(0, 4) == 0)
      return subject_.on_failure(now_, which);
    const auto text = any_text();
    if (subject_.on_answer(now_, wall_, which, text))
      note(name_of(which), text);
  }

  void hand_in() {
    const auto name = *rc::gen::element<std::string>("billing", "calls", "source1", "dns", "X");
    const auto text = *rc::gen::element<std::string>("{}", any_text());
    const auto taken = subject_.on_hand_in(now_, wall_, name, text);
    RC_ASSERT(!taken || name == "billing" || name == "calls");
    if (taken && text == "{}")
      good_.erase(name);
    else if (taken)
      note(name, text);
  }

  void note(const std::string& name, const std::string& text) {
    good_[name] = text;
    until_[name] = now_ + kept_max;
  }

  void wait(model::duration how_long) {
    const auto end = now_ + how_long;
    while (subject_.next_deadline() <= end) {
      now_ = std::max(now_, subject_.next_deadline());
      std::vector<effect> out;
      subject_.on_deadline(now_, out);
      for (const auto& one : out)
        if (const auto* question = std::get_if<ask>(&one))
          RC_ASSERT(asked_.insert(question->which).second);
        else
          published();
    }
    now_ = end;
    std::erase_if(good_, [&](const auto& one) { return until_.at(one.first) <= now_; });
  }

  void published() {
    RC_ASSERT(subject_.body().size() <= wire::statistics_octets_max);
    RC_ASSERT(!published_ || now_ - *published_ >= publish_spacing);
    RC_ASSERT(said().at == (model::version{7, ++sequence_}));
    published_ = now_;
  }

  wire::statistics said() const {
    const auto read = wire::decode_statistics(subject_.body());
    RC_ASSERT(read.has_value());
    return *read;
  }

  model::time_point now_{1h};
  model::unix_time wall_{1'700'000'000s};
  collector subject_{model::node_id::parse("n1").value(), 7};
  std::set<std::size_t> asked_;
  std::map<std::string, std::string> good_;
  std::map<std::string, model::time_point> until_;
  std::optional<model::time_point> published_;
  std::uint64_t sequence_ = 0;
};

RC_GTEST_PROP(collector_of_statistics, publishes_what_is_good_and_no_more_often, ()) {
  Story story;
  const auto steps = *rc::gen::inRange(0, 80);
  for (int i = 0; i < steps; ++i)
    story.step();
  story.finish();
}

} // namespace
} // namespace thor::statistics
