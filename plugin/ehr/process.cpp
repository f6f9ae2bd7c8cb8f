#include "plugin/ehr/process.h"

#include <array>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <spawn.h>
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

// A signal to us alone is passed on.
int wait_for(pid_t child, const std::atomic<bool>& stop) {
  constexpr std::chrono::milliseconds step{50};
  int status = 0;
  bool is_told = false;
  while (::waitpid(child, &status, WNOHANG) != child) {
    if (stop && !is_told) {
      is_told = ::kill(child, SIGTERM) == 0;
    }
    std::this_thread::sleep_for(step);
  }
  return status;
}

}  // namespace

tl::expected<void, Failure> run_ehr(const std::vector<std::string>& arguments,
                                    const std::atomic<bool>& stop) {
  const std::string path = program();
  std::vector<std::string> words{path};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) {
    pointers.push_back(word.data());
  }
  pointers.push_back(nullptr);
  pid_t child = 0;
  const int error =
      ::posix_spawn(&child, path.c_str(), nullptr, nullptr, pointers.data(), ::environ);
  if (error != 0) {
    return failed(Exit::outside, fmt::format("MF-4134: {}: {}", path, std::strerror(error)));
  }
  const int status = wait_for(child, stop);
  if (WIFSIGNALED(status)) {
    return failed(Exit::outside,
                  fmt::format("MF-4133: the program that speaks to the EHR died of signal {}; what "
                              "it had done is kept, the same command goes on",
                              WTERMSIG(status)));
  }
  if (WEXITSTATUS(status) != 0) {
    return failed(
        WEXITSTATUS(status) == static_cast<int>(Exit::usage) ? Exit::usage : Exit::outside, {});
  }
  return {};
}

}  // namespace myoflag::ehr
