#include "child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "absl/strings/str_cat.h"

namespace credence::crash {
namespace {

// A descriptor that becomes readable when the process ends. The C library's function is left alone:
// glibc 2.36 declares it without the C linkage that it has.
int OpenProcess(pid_t pid) { return static_cast<int>(syscall(SYS_pidfd_open, pid, 0)); }

}  // namespace

Child::Child(const std::vector<std::string>& arguments, const std::string& log) {
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  // Spawned rather than forked: the threads of gRPC run in this process.
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log.c_str(),
                                   O_CREAT | O_WRONLY | O_APPEND, 0644);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  if (posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), environ) != 0) pid_ = -1;
  posix_spawn_file_actions_destroy(&actions);
}

Child::~Child() {
  if (pid_ > 0) Kill();
}

bool Child::EndsWithin(std::chrono::nanoseconds limit) const {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(limit);
  const timespec timeout{seconds.count(), (limit - seconds).count()};
  pollfd ended{OpenProcess(pid_), POLLIN, 0};
  const int count = ppoll(&ended, 1, &timeout, nullptr);
  close(ended.fd);
  return count > 0;
}

int Child::Kill() {
  kill(pid_, SIGKILL);
  return Wait();
}

int Child::Wait() {
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

FileWatch::FileWatch(const std::string& directory)
    : descriptor_(inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
  inotify_add_watch(descriptor_, directory.c_str(), IN_MOVED_TO);
}

FileWatch::~FileWatch() { close(descriptor_); }

absl::Status FileWatch::Await(const Child& child, const std::string& name) const {
  const int process = OpenProcess(child.pid());
  std::array<pollfd, 2> waits{{{descriptor_, POLLIN, 0}, {process, POLLIN, 0}}};
  absl::Status status = absl::DeadlineExceededError(absl::StrCat(name, " did not appear"));
  while (poll(waits.data(), waits.size(), 60'000) > 0) {
    if (Appeared(name)) {
      status = absl::OkStatus();
      break;
    }
    if (waits[1].revents != 0) {
      status = absl::InternalError(absl::StrCat("the program ended before ", name, " appeared"));
      break;
    }
  }
  close(process);
  return status;
}

bool FileWatch::Appeared(const std::string& name) const {
  alignas(inotify_event) std::array<char, 4'096> buffer{};
  bool appeared = false;
  for (ssize_t size = 0; (size = read(descriptor_, buffer.data(), buffer.size())) > 0;) {
    for (ssize_t offset = 0; offset < size;) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer.data() + offset);
      appeared = appeared || (event->len > 0 && name == event->name);
      offset += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
    }
  }
  return appeared;
}

}  // namespace credence::crash
