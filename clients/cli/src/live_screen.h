#pragma once

#include <atomic>
#include <csignal>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "credence/cli/context.h"

// A view that is drawn anew as things happen, on the whole terminal.
namespace credence::cli {

// Size of the terminal, in characters.
struct Window {
  int columns = 0;
  int lines = 24;
};

// What the terminal on standard output says now; `columns` and the usual lines where there is none.
[[nodiscard]] Window TerminalWindow(int columns);

// Whether a stream is shown live: to a person, not to a pipe or a file.
[[nodiscard]] bool IsLive(const CliContext& context);

// Takes the terminal's second screen while it lives and gives the first one back as it was, also
// where SIGINT, SIGTERM or SIGHUP end the process, which then ends by that signal, and while
// SIGTSTP stops it. Drawn anew when the window changes, and once a second.
//
// To be made before threads that may not see those signals: before the client connects.
// Thread-safe but for its end.
class LiveScreen {
 public:
  struct Content {
    // The lines of the screen, at most as many as the window has. Longer ones are cut.
    std::function<std::vector<std::string>(const Window&)> lines;
    // What stays on the first screen afterwards; empty for nothing.
    std::function<std::string()> last;
  };

  // `content` is called with the lock that Update holds.
  LiveScreen(CliContext& context, Content content);
  ~LiveScreen();
  LiveScreen(const LiveScreen&) = delete;
  LiveScreen& operator=(const LiveScreen&) = delete;

  // Runs `change`, which changes what `content` shows, and draws.
  void Update(const std::function<void()>& change);

 private:
  void Enter() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Leave() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Draw() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AwaitSignals();
  void Obey(int signal);

  CliContext& context_;
  absl::Mutex mutex_;
  const Content content_ ABSL_GUARDED_BY(mutex_);
  sigset_t signals_{};
  sigset_t mask_before_{};
  std::atomic<bool> ending_{false};
  std::thread waiter_;
};

// `text` cut to `columns` code points.
[[nodiscard]] std::string CutToColumns(const std::string& text, int columns);

// One character for each number, as high as it is beside the largest.
[[nodiscard]] std::string Sparkline(const std::vector<double>& numbers, bool unicode);

}  // namespace credence::cli
