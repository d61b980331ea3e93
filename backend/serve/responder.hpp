// Answers what sessions read from the current table: the one answering code of both connectors.
#pragma once

#include "backend/answer/answer_table.hpp"
#include "backend/protocol/read.hpp"
#include "backend/serve/handler.hpp"
#include "backend/serve/journal.hpp"
#include "backend/serve/table_cell.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace thor::backend {

/// One for each serving thread. The references must outlive it.
class responder final : public request_handler {
 public:
  /// `writable`: there is somebody who applies edits. Otherwise every write is declined.
  responder(const table_cell& cell, std::string token, bool writable, journal& log);

  [[nodiscard]] bool is_trusted(std::string_view target) const override;
  http_reply answer_http(const http_request& asked, transaction& open, std::string& body) override;
  std::optional<wanted_edit> answer_line(std::string_view line, std::string_view peer,
                                         transaction& open, std::string& out) override;
  void answer_edit(const wanted_edit& wanted, const zone::edit_outcome& outcome,
                   std::string_view peer, std::string& out) override;

 private:
  struct answer_to {
    reply said;
    std::optional<wanted_edit> wanted{};
  };

  answer_to answer_request(const answer_table* table, request asked, connector via,
                           std::string_view peer, transaction& open, std::string& out);
  void refuse(const error& why, std::string_view peer, transaction& open, std::string& out);
  [[nodiscard]] bool is_token(std::string_view candidate) const;

  table_reader tables_;
  std::string token_;
  bool writable_;
  journal& log_;
};

} // namespace thor::backend
