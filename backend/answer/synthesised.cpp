#include "backend/answer/synthesised.hpp"

#include "backend/protocol/json_text.hpp"
#include "zone/model/name.hpp"
#include "zone/text/rdata_text.hpp"

#include <array>
#include <cstddef>
#include <variant>

namespace thor::backend {
namespace {

/// The name within a JSON string, without its quotation marks.
void append_name(std::string& out, std::string_view wire) {
  const std::size_t begin = out.size();
  zone::append_text(out, wire);
  for (std::size_t i = begin; i < out.size(); ++i) {
    if (out[i] == '\\' || out[i] == '"') {
      out.insert(i++, 1, '\\');
    }
  }
}

/// Rows of one owner. Nothing of a content has to be escaped but names.
class row_writer {
 public:
  row_writer(std::string& out, std::string_view owner, std::uint32_t domain_id)
      : out_(out)
      , owner_(owner)
      , domain_id_(domain_id) {}

  void begin(std::string_view type) {
    out_ += R"(,{"qtype":")";
    out_ += type;
    out_ += R"(","qname":")";
    append_name(out_, owner_);
    out_ += R"(","content":")";
  }

  void end(std::uint32_t ttl_s, bool auth) {
    out_ += R"(","ttl":)";
    append_json_number(out_, ttl_s);
    out_ += auth ? R"(,"auth":1,"domain_id":)" : R"(,"auth":0,"domain_id":)";
    append_json_number(out_, domain_id_);
    out_ += R"(,"scopeMask":1})";
  }

 private:
  std::string& out_;
  std::string_view owner_;
  std::uint32_t domain_id_;
};

/// "10 0 5060 n1.node.example". Weight 0: there is nothing to choose at a priority (RFC 2782).
void append_srv(std::string& out, std::size_t rank, const zone::synthesis::host& host) {
  append_json_number(out, synthesised_priority_step * (rank + 1));
  out += " 0 ";
  append_json_number(out, host.port);
  out += ' ';
  append_name(out, host.target.wire());
  out.pop_back(); // PowerDNS writes no last dot
}

/// The addresses of type Rdata.
template <typename Rdata>
void append_addresses(std::string& out, row_writer& row, std::string_view type,
                      const zone::synthesis::host& host, std::uint32_t ttl_s) {
  for (const zone::rdata& address : host.addresses) {
    if (const auto* const found = std::get_if<Rdata>(&address)) {
      row.begin(type);
      zone::append_text(out, *found);
      row.end(ttl_s, true);
    }
  }
}

} // namespace

void append_synthesised(std::string& out, std::string_view owner, zone::rr_type qtype,
                        const zone::synthesis& made, std::uint32_t domain_id) {
  const auto wants = [&](zone::rr_type type) {
    return qtype == zone::rr_type::any || qtype == type;
  };
  const std::string_view label = owner.substr(1, static_cast<unsigned char>(owner.front()));
  std::array<const zone::synthesis::host*, zone::synthesised_hosts_max> hosts{};
  const std::size_t count = made.find(label, hosts);
  const std::uint32_t ttl_s = made.ttl_s();
  row_writer row(out, owner, domain_id);
  if (count == 0) {
    if (qtype == zone::rr_type::any) {
      // Nothing lies below: PowerDNS would make a type of it in the record of denial.
      row.begin("");
      row.end(0, false);
    }
    return;
  }
  if (wants(zone::rr_type::srv)) {
    for (std::size_t rank = 0; rank < count; ++rank) {
      row.begin("SRV");
      append_srv(out, rank, *hosts[rank]);
      row.end(ttl_s, true);
    }
  }
  if (wants(zone::rr_type::a)) {
    append_addresses<zone::a_rdata>(out, row, "A", *hosts[0], ttl_s);
  }
  if (wants(zone::rr_type::aaaa)) {
    append_addresses<zone::aaaa_rdata>(out, row, "AAAA", *hosts[0], ttl_s);
  }
}

} // namespace thor::backend
