#include "backend/serve/server.hpp"

#include "backend/serve/limits.hpp"
#include "backend/serve/listener.hpp"
#include "backend/serve/responder.hpp"
#include "backend/serve/serving_loop.hpp"
#include "backend/serve/table_cell.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace thor::backend {
namespace {

bool is_token_character(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
         c == '_';
}

void check(const server_options& options) {
  if (options.threads == 0) {
    throw std::runtime_error("a server needs at least one serving thread");
  }
  if (options.http.empty()) {
    return;
  }
  if (options.http_token.size() < token_characters_min ||
      !std::ranges::all_of(options.http_token, is_token_character)) {
    throw std::runtime_error("the HTTP token must have at least " +
                             std::to_string(token_characters_min) +
                             " characters of 0-9 A-Z a-z - _: it is what keeps other users out");
  }
}

/// One serving thread and all that belongs to it.
struct thread_parts {
  thread_parts(serve_counters& counters, const log_sink& sink, const table_cell& cell,
               const server_options& options)
      : log(counters, sink)
      , answers(cell, options.http_token, options.edits != nullptr, log)
      , loop(answers, options.edits, log) {}

  journal log;
  responder answers;
  serving_loop loop;
};

} // namespace

/// In order of construction; destroyed in the reverse order, after stop().
struct server::parts {
  explicit parts(log_sink sink)
      : log(std::move(sink)) {}

  log_sink log;
  serve_counters counters;
  table_cell cell;
  std::vector<std::unique_ptr<thread_parts>> threads;
  std::unique_ptr<listener> doors;
  bool stopped = false;
};

server::server(const server_options& options, log_sink log)
    : parts_(std::make_unique<parts>(std::move(log))) {
  check(options);
  std::vector<serving_loop*> loops;
  for (unsigned i = 0; i < options.threads; ++i) {
    parts_->threads.push_back(
        std::make_unique<thread_parts>(parts_->counters, parts_->log, parts_->cell, options));
    loops.push_back(&parts_->threads.back()->loop);
  }
  parts_->doors = std::make_unique<listener>(std::move(loops));
  if (!options.http.empty()) {
    parts_->doors->listen_http(options.http);
  }
  if (!options.unix_path.empty()) {
    parts_->doors->listen_unix(options.unix_path, options.unix_users, options.unix_group);
  }
  for (const auto& thread : parts_->threads) {
    thread->loop.start();
  }
}

server::~server() {
  stop();
}

void server::publish(std::shared_ptr<const answer_table> table) {
  parts_->cell.store(std::move(table));
}

const std::vector<std::string>& server::endpoints() const {
  return parts_->doors->endpoints();
}

const serve_counters& server::counters() const {
  return parts_->counters;
}

void server::stop() {
  if (parts_->stopped) {
    return;
  }
  parts_->stopped = true;
  auto& first = parts_->threads.front()->loop;
  // The doors are closed before any loop is told to end, so no connection is dealt to an ended one.
  boost::asio::post(first.context(), [this] {
    parts_->doors->close();
    for (const auto& thread : parts_->threads) {
      thread->loop.begin_stop();
    }
  });
  for (const auto& thread : parts_->threads) {
    thread->loop.join();
  }
}

} // namespace thor::backend
