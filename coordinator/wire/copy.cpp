#include "coordinator/wire/copy.hpp"

#include "coordinator/wire/json.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <utility>

namespace thor::wire {

namespace json = boost::json;

namespace {

constexpr std::size_t type_octets_max = 32;
constexpr std::size_t table_octets_max = 64;
constexpr std::size_t columns_octets_max = 512;

// ---- writing

json::object position(std::string_view type, const model::writer_claim& of,
                      const model::data_state& have) {
  return {{"type", type},
          {"term", of.term},
          {"writer", of.writer},
          {"revision", have.revision},
          {"digest", hex64(have.digest)}};
}

std::string write(const copy_request& m) {
  return json::serialize(position("follow", m.of, m.have));
}

std::string write(const copy_state& m) {
  return json::serialize(position("state", m.of, m.have));
}

std::string write(const copy_rows& m) {
  // The rows are pasted, not parsed: they are JSON already.
  return R"({"type":"rows","table":)" + json::serialize(json::string(m.part.table)) +
         R"(,"columns":)" + json::serialize(json::string(m.part.columns)) + R"(,"rows":)" +
         m.part.rows + "}";
}

std::string write(const copy_end& m) {
  auto object = position("end", m.of, m.have);
  json::array takeovers;
  for (const auto& one : m.takeovers)
    takeovers.push_back(
        json::object{{"term", one.term}, {"writer", one.writer}, {"digest", hex64(one.digest)}});
  object["takeovers"] = std::move(takeovers);
  return json::serialize(object);
}

// ---- reading

model::writer_claim read_claim(fields& in) {
  const auto term = in.number("term");
  const auto writer = in.id("writer");
  return {term, writer ? writer->text() : ""};
}

model::data_state read_state(fields& in) {
  const auto revision = in.number("revision");
  return {revision, in.hex64("digest")};
}

/// A row is an array of integers, texts and what else the database knows; no double, which would
/// not come out as it went in.
bool is_row(const json::value& row) {
  return row.is_array() && std::ranges::none_of(row.get_array(), &json::value::is_double);
}

copy_rows read_rows(fields& in) {
  const std::string table(in.text("table", table_octets_max));
  const std::string columns(in.text("columns", columns_octets_max));
  const auto& rows = in.array("rows");
  if (!std::ranges::all_of(rows, is_row))
    in.fail("rows", "has an entry that is no row of integers and texts");
  return {{table, columns, json::serialize(rows)}};
}

std::vector<model::takeover> read_takeovers(fields& in) {
  std::vector<model::takeover> all;
  const auto& listed = in.array("takeovers");
  if (listed.size() > model::takeovers_max)
    in.fail("takeovers", "has too many entries");
  for (const auto& entry : listed) {
    const auto* object = entry.if_object();
    if (object == nullptr || in.failed()) {
      in.fail("takeovers", "has an entry that is no object");
      break;
    }
    fields one(*object, in.path("takeovers"));
    auto claim = read_claim(one);
    all.push_back({claim.term, std::move(claim.writer), one.hex64("digest")});
    if (one.failed())
      in.fail(one.why());
  }
  return all;
}

} // namespace

std::string encode(const copy_message& m) {
  return std::visit([](const auto& which) { return write(which); }, m);
}

std::expected<copy_message, error> decode_copy(std::string_view frame) {
  const auto object = parse_object(frame);
  if (!object)
    return std::unexpected(object.error());
  fields in(*object);
  const auto type = in.text("type", type_octets_max);
  copy_message message;
  if (type == "rows") {
    message = read_rows(in);
  } else {
    auto of = read_claim(in);
    const auto have = read_state(in);
    if (type == "follow")
      message = copy_request{std::move(of), have};
    else if (type == "state")
      message = copy_state{std::move(of), have};
    else if (type == "end")
      message = copy_end{std::move(of), have, read_takeovers(in)};
    else
      in.fail("type", "is not follow, state, rows or end", errc::unknown_type);
  }
  if (in.failed())
    return std::unexpected(in.why());
  return message;
}

} // namespace thor::wire
