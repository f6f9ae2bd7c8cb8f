#include "tests/support/postgres.h"

#include <array>
#include <cstdlib>
#include <fcntl.h>
#include <stdexcept>
#include <unistd.h>

#include "plugin/store/postgres.h"

namespace myoflag {

namespace {

// Its address without the name of a database. It ends when our end of its input is closed.
std::string start() {
  constexpr const char* script = MYOFLAG_SOURCE_DIR "/tests/support/postgres.py";
  std::array<int, 2> input{}, output{};
  if (::pipe2(input.data(), O_CLOEXEC) != 0 || ::pipe2(output.data(), O_CLOEXEC) != 0) {
    throw std::runtime_error("no pipes");
  }
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(input[0], STDIN_FILENO);
    ::dup2(output[1], STDOUT_FILENO);
    ::execlp("python3", "python3", "-B", script, static_cast<char*>(nullptr));
    ::_exit(127);
  }
  ::close(input[0]);
  ::close(output[1]);
  ::setenv("PGPASSWORD", "secret-4711", 1);
  std::string address;
  for (char one = 0; ::read(output[0], &one, 1) == 1 && one != '\n';) {
    address += one;
  }
  if (address.empty()) {
    throw std::runtime_error("PostgreSQL cannot be started");
  }
  return address;
}

}  // namespace

void run_in(const std::string& address, const std::string& sql) {
  const auto database = store::connect(address);
  if (!database) {
    throw std::runtime_error(database.error().text);
  }
  if (!(*database)->ask(sql.c_str(), {}, [](const store::Columns&) { return true; })) {
    throw std::runtime_error((*database)->error());
  }
}

std::string new_database() {
  static const std::string server = start();
  static int count = 0;
  const std::string name = "test" + std::to_string(++count);
  run_in(server + "postgres", "CREATE DATABASE " + name);
  return server + name;
}

}  // namespace myoflag
