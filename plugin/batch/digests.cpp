#include "plugin/batch/digests.h"

#include <array>
#include <condition_variable>
#include <mutex>
#include <new>
#include <queue>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <openssl/evp.h>

namespace myoflag::batch {
namespace {

constexpr std::size_t kMostBytes = 4u << 20;

using Context = std::unique_ptr<EVP_MD_CTX, decltype(&::EVP_MD_CTX_free)>;

// Nothing else can fail here.
void check(bool done) {
  if (!done) {
    throw std::bad_alloc();
  }
}

Context new_context() {
  Context context(::EVP_MD_CTX_new(), &::EVP_MD_CTX_free);
  check(context != nullptr);
  return context;
}

}  // namespace

struct Digests::State {
  std::vector<Context> contexts;  // of the thread, while anything waits
  std::mutex mutex;
  std::condition_variable changed;
  std::queue<std::pair<std::size_t, std::string>> to_do;
  std::size_t bytes = 0;  // that wait, with what the thread has in hand
  bool closing = false;
  std::thread thread;

  void run() {
    std::unique_lock lock(mutex);
    for (;;) {
      changed.wait(lock, [this] { return closing || !to_do.empty(); });
      if (closing) {
        return;
      }
      const auto [file, text] = std::move(to_do.front());
      to_do.pop();
      lock.unlock();
      ::EVP_DigestUpdate(contexts[file].get(), text.data(), text.size());
      lock.lock();
      bytes -= text.size();
      changed.notify_all();
    }
  }
};

Digests::Digests(std::size_t files) : state_(std::make_unique<State>()) {
  for (std::size_t i = 0; i < files; ++i) {
    auto& context = state_->contexts.emplace_back(new_context());
    check(::EVP_DigestInit_ex(context.get(), ::EVP_sha256(), nullptr) == 1);
  }
  state_->thread = std::thread([state = state_.get()] { state->run(); });
}

Digests::~Digests() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->closing = true;
  }
  state_->changed.notify_all();
  state_->thread.join();
}

void Digests::add(std::size_t file, std::string text) {
  if (text.empty()) {
    return;
  }
  auto& state = *state_;
  std::unique_lock lock(state.mutex);
  state.changed.wait(lock, [&state] { return state.bytes < kMostBytes; });
  state.bytes += text.size();
  state.to_do.emplace(file, std::move(text));
  state.changed.notify_all();
}

std::string Digests::of(std::size_t file) {
  auto& state = *state_;
  std::unique_lock lock(state.mutex);
  state.changed.wait(lock, [&state] { return state.bytes == 0; });
  const Context copy = new_context();
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned int size = 0;
  check(::EVP_MD_CTX_copy_ex(copy.get(), state.contexts[file].get()) == 1 &&
        ::EVP_DigestFinal_ex(copy.get(), bytes.data(), &size) == 1);
  return fmt::format("{:02x}", fmt::join(bytes.begin(), bytes.begin() + size, ""));
}

}  // namespace myoflag::batch
