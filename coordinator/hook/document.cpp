#include "coordinator/hook/document.hpp"

#include "coordinator/monitor/member_json.hpp"
#include "coordinator/monitor/text.hpp"

#include <boost/json/serialize.hpp>

#include <utility>

namespace thor::hook {

namespace json = boost::json;

namespace {

json::array ids_array(const std::vector<model::node_id>& ids) {
  json::array out;
  for (const auto& id : ids)
    out.emplace_back(id.text());
  return out;
}

json::array gone_array(const std::vector<removed>& all, const model::node_id& self) {
  json::array out;
  for (const auto& one : all) {
    auto object = monitor::member_object(one.last, one.last.what.id == self);
    object["reason"] = one.why ? json::value(model::to_string(*one.why)) : json::value(nullptr);
    out.emplace_back(std::move(object));
  }
  return out;
}

} // namespace

std::string document(const owner& whose, const run& what, model::unix_time now) {
  json::array members;
  for (const auto& [id, m] : what.members)
    members.emplace_back(monitor::member_object(m, id == whose.id));
  const json::object out{{"domain", whose.domain},
                         {"id", whose.id.text()},
                         {"hook", whose.hook},
                         {"cause", to_string(what.why)},
                         {"run", what.number},
                         {"unix_time", now.time_since_epoch().count()},
                         {"epoch", json::object{{"counter", what.where.at.counter},
                                                {"manager", what.where.at.manager}}},
                         {"sequence", what.where.sequence},
                         {"serial", what.serial},
                         {"added", ids_array(what.added)},
                         {"changed", ids_array(what.changed)},
                         {"removed", gone_array(what.gone, whose.id)},
                         {"members", std::move(members)},
                         {"databases", monitor::databases_array(what.members)}};
  return monitor::ascii_json(json::serialize(out)) + "\n";
}

} // namespace thor::hook
