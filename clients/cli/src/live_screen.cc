#include "live_screen.h"

#include <pthread.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <ctime>
#include <ostream>
#include <utility>

#include "absl/time/time.h"

namespace credence::cli {
namespace {

// ECMA-48 and the private modes that xterm brought: second screen, cursor.
constexpr const char* kEnter = "\x1b[?1049h\x1b[?25l";
constexpr const char* kLeave = "\x1b[?25h\x1b[?1049l";
constexpr const char* kHome = "\x1b[H";
constexpr const char* kClearToLineEnd = "\x1b[K";
constexpr const char* kClearBelow = "\x1b[J";

constexpr absl::Duration kTick = absl::Seconds(1);

}  // namespace

Window TerminalWindow(int columns) {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
    return {.columns = size.ws_col, .lines = size.ws_row};
  }
  return {.columns = columns};
}

bool IsLive(const CliContext& context) {
  return context.environment().terminal && context.flags().output == OutputFormat::kTable;
}

LiveScreen::LiveScreen(CliContext& context, Content content)
    : context_(context), content_(std::move(content)) {
  sigemptyset(&signals_);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGWINCH}) {
    sigaddset(&signals_, signal);
  }
  pthread_sigmask(SIG_BLOCK, &signals_, &mask_before_);
  {
    absl::MutexLock lock(&mutex_);
    Enter();
  }
  waiter_ = std::thread([this] { AwaitSignals(); });
}

LiveScreen::~LiveScreen() {
  ending_ = true;
  pthread_kill(waiter_.native_handle(), SIGWINCH);
  waiter_.join();
  {
    absl::MutexLock lock(&mutex_);
    Leave();
  }
  pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
}

void LiveScreen::Update(const std::function<void()>& change) {
  absl::MutexLock lock(&mutex_);
  change();
  Draw();
}

void LiveScreen::Enter() {
  context_.out() << kEnter;
  Draw();
}

void LiveScreen::Leave() {
  context_.out() << kLeave;
  if (const std::string last = content_.last(); !last.empty()) context_.out() << last << "\n";
  context_.out().flush();
}

void LiveScreen::Draw() {
  const Window window = TerminalWindow(context_.environment().columns);
  std::vector<std::string> lines = content_.lines(window);
  lines.resize(std::min(lines.size(), static_cast<size_t>(window.lines)));
  std::string frame = kHome;
  for (size_t i = 0; i < lines.size(); ++i) {
    // No line break after the last line: in the window's last line it would scroll.
    if (i > 0) frame += "\n";
    frame += CutToColumns(lines[i], window.columns);
    frame += kClearToLineEnd;
  }
  frame += kClearBelow;
  context_.out() << frame << std::flush;
}

void LiveScreen::AwaitSignals() {
  while (!ending_) {
    siginfo_t info{};
    const timespec tick = absl::ToTimespec(kTick);
    Obey(sigtimedwait(&signals_, &info, &tick));
  }
}

// A negative signal is none: a second has passed.
void LiveScreen::Obey(int signal) {
  absl::MutexLock lock(&mutex_);
  if (ending_) return;
  if (signal < 0 || signal == SIGWINCH) return Draw();
  Leave();
  if (signal == SIGTSTP) {
    kill(getpid(), SIGSTOP);
    // Here again when the shell lets it go on.
    return Enter();
  }
  // As if it had never been caught, so that a shell sees what ended the program.
  std::signal(signal, SIG_DFL);
  pthread_sigmask(SIG_UNBLOCK, &signals_, nullptr);
  kill(getpid(), signal);
}

std::string CutToColumns(const std::string& text, int columns) {
  int count = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool begins = (static_cast<unsigned char>(text[i]) & 0xc0U) != 0x80U;
    if (begins && ++count > columns) return text.substr(0, i);
  }
  return text;
}

std::string Sparkline(const std::vector<double>& numbers, bool unicode) {
  constexpr std::array<const char*, 9> kBars = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  constexpr std::array<const char*, 9> kPlain = {" ", ".", ":", "-", "=", "+", "*", "#", "@"};
  double largest = 0;
  for (const double number : numbers) largest = std::max(largest, number);
  std::string line;
  for (const double number : numbers) {
    // Nothing is blank, and what is more than nothing is not.
    const auto height =
        largest > 0 ? static_cast<size_t>(std::ceil(8 * std::max(0.0, number) / largest)) : 0;
    line += (unicode ? kBars : kPlain).at(height);
  }
  return line;
}

}  // namespace credence::cli
