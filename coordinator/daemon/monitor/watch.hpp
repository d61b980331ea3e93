// The network machine on a live overlay: a client that feeds it, and the timer that it wants.
//
// Announces itself as thor_monitor when asked to and the certificate allows it; otherwise it only
// listens, which any certificate of the overlay may, any number of times at once. When another
// monitor with the same certificate announces itself, this one goes on as a listener: the two do
// not fight.
//
// One thread, that of the io_context, which must outlive it.
#pragma once

#include "coordinator/client/client.hpp"
#include "coordinator/monitor/network.hpp"
#include "coordinator/monitor/report.hpp"
#include "coordinator/runtime/config.hpp"
#include "coordinator/runtime/loop.hpp"

#include <functional>
#include <memory>
#include <string_view>

namespace thor::monitor {

class watch final : private client::observer {
 public:
  /// `on_news` is called from the loop after anything happened, with the changes worth telling.
  using news = std::function<void(const std::vector<change>&)>;

  /// Throws std::runtime_error when a configured server is no endpoint.
  watch(boost::asio::io_context& io, const runtime::overlay_config& overlay,
        identity::x509::credentials& who, bool announce, news on_news);
  ~watch();
  watch(const watch&) = delete;
  watch& operator=(const watch&) = delete;

  /// Leaves the overlay and calls `done`, at most 2 s later.
  void stop(std::function<void()> done);

  [[nodiscard]] const network& seen() const { return network_; }
  [[nodiscard]] onlooker self() const;

 private:
  void on_server_up(const std::string& server, const wire::welcome& hello) override;
  void on_server_down(const std::string& server, const std::string& why) override;
  void on_server_failed(const std::string& server, const std::string& why) override;
  void on_message(const std::string& server, const wire::server_message& message,
                  const identity::peer* author) override;
  void on_replaced(const std::string& server) override;

  void connect(std::uint64_t incarnation);
  void listen_only();
  void hear_event(const std::string& server, const wire::event& what, const identity::peer& author);
  void hear_statistics(const std::string& body, const identity::peer& author);
  void tell(const input& what);
  void perform(const std::vector<effect>& effects);
  void follow_credentials(model::time_point now);

  boost::asio::io_context& io_;
  const runtime::overlay_config& overlay_;
  identity::x509::credentials& who_;
  news on_news_;
  network network_;
  std::unique_ptr<client::client> client_;
  runtime::deadline_timer timer_;
  runtime::deadline_timer look_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true); ///< for what is posted
};

} // namespace thor::monitor
