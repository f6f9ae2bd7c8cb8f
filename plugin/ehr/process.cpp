#include "plugin/ehr/process.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <spawn.h>
#include <string_view>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include <fmt/format.h>

namespace myoflag::ehr {

namespace {

constexpr const char* name_of_program = "myoflag-ehr";

tl::unexpected<Failure> failed(Exit exit, std::string text) {
  return tl::unexpected(Failure{exit, std::move(text)});
}

// Beside us.
std::string program() {
  std::error_code error;
  const auto own = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? name_of_program : (own.parent_path() / name_of_program).string();
}

// Without our files but the standard ones, a server's connections for example, and with no signal
// held back: it is to hear when it is told to end.
int spawn(pid_t& child, std::vector<std::string>& words, int input, char* const* environment) {
  constexpr int first_file = 3;
  std::vector<char*> pointers;
  for (std::string& word : words) {
    pointers.push_back(word.data());
  }
  pointers.push_back(nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_t files;
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  // Ours may be closed; then there is nothing to hand on.
  int error =
      input == STDIN_FILENO ? 0 : ::posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
  if (error == 0) {
    error = ::posix_spawn_file_actions_addclosefrom_np(&files, first_file);
  }
  if (error == 0) {
    error = ::posix_spawn(&child, words.front().c_str(), &files, &attributes, pointers.data(),
                          environment);
  }
  ::posix_spawn_file_actions_destroy(&files);
  ::posix_spawnattr_destroy(&attributes);
  return error;
}

tl::expected<int, Failure> start(const std::vector<std::string>& arguments, int input,
                                 char* const* environment) {
  std::vector<std::string> words{program()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  pid_t child = 0;
  const int error = spawn(child, words, input, environment);
  if (error != 0) {
    return failed(Exit::outside,
                  fmt::format("MF-4134: {}: {}", words.front(), std::strerror(error)));
  }
  return child;
}

bool is_sign_in(std::string_view variable) {
  constexpr std::array<std::string_view, 3> names{
      "MYOFLAG_EHR_TOKEN=", "MYOFLAG_EHR_USER=", "MYOFLAG_EHR_PASSWORD="};
  return std::any_of(names.begin(), names.end(),
                     [&](std::string_view name) { return variable.starts_with(name); });
}

// A signal to us alone is passed on.
int wait_for(pid_t child, const std::atomic<bool>& stop, std::chrono::milliseconds patience) {
  constexpr std::chrono::milliseconds step{50};
  int status = 0;
  bool is_told = false;
  while (::waitpid(child, &status, WNOHANG) != child) {
    if (stop && !is_told) {
      is_told = ::kill(child, SIGTERM) == 0;
    } else if (stop && patience.count() <= 0) {
      ::kill(child, SIGKILL);
    }
    patience -= stop ? step : std::chrono::milliseconds(0);
    std::this_thread::sleep_for(step);
  }
  return status;
}

}  // namespace

tl::expected<void, Failure> run_ehr(const std::vector<std::string>& arguments,
                                    const std::atomic<bool>& stop, int input,
                                    std::chrono::milliseconds patience) {
  const auto started = start(arguments, input, ::environ);
  if (!started) {
    return tl::unexpected(started.error());
  }
  const pid_t child = *started;
  const int status = wait_for(child, stop, patience);
  if (WIFSIGNALED(status)) {
    return failed(Exit::outside,
                  fmt::format("MF-4133: the program that speaks to the EHR died of signal {}; what "
                              "it had done is kept, the same command goes on",
                              WTERMSIG(status)));
  }
  switch (static_cast<Exit>(WEXITSTATUS(status))) {
    case Exit::done:
      return {};
    case Exit::rejected:
      return failed(Exit::rejected, {});
    case Exit::usage:
      return failed(Exit::usage, {});
    default:
      return failed(Exit::outside, {});
  }
}

tl::expected<int, Failure> start_ehr(const std::vector<std::string>& arguments, int input,
                                     SignIn sign_in) {
  std::vector<char*> environment;
  for (char** variable = ::environ; *variable != nullptr; ++variable) {
    const std::string_view one = *variable;
    const bool is_secret = one.starts_with("MYOFLAG_") || one.starts_with("PGPASS");
    if (!is_secret || (sign_in == SignIn::ours && is_sign_in(one))) {
      environment.push_back(*variable);
    }
  }
  environment.push_back(nullptr);
  return start(arguments, input, environment.data());
}

}  // namespace myoflag::ehr
