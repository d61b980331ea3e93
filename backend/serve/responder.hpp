// Answers what sessions read from the current table: the one answering code of both connectors.
#pragma once

#include "backend/answer/answer_table.hpp"
#include "backend/protocol/read.hpp"
#include "backend/serve/handler.hpp"
#include "backend/serve/journal.hpp"
#include "backend/serve/table_cell.hpp"

#include <expected>
#include <string>
#include <string_view>

namespace thor::backend {

/// One for each serving thread. The references must outlive it.
class responder final : public request_handler {
 public:
  responder(const table_cell& cell, std::string token, journal& log);

  http_reply answer_http(const http_request& asked, std::string& body) override;
  void answer_line(std::string_view line, std::string_view peer, std::string& out) override;

 private:
  reply answer_request(const answer_table* table, const request& asked, connector via,
                       std::string_view peer, std::string& out);
  void refuse(const error& why, std::string_view peer, std::string& out);
  [[nodiscard]] bool is_token(std::string_view candidate) const;

  table_reader tables_;
  std::string token_;
  journal& log_;
};

} // namespace thor::backend
