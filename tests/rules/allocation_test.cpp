// Evaluation asks for no memory: batches and the search for bounds call it millions of times.
#include <cstdlib>
#include <new>

#include <gtest/gtest.h>

#include "tests/support/random_forms.h"

namespace {

thread_local std::size_t allocated = 0;

void* counted(std::size_t size) {
  ++allocated;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) {
    return memory;
  }
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t size) { return counted(size); }
void* operator new[](std::size_t size) { return counted(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace myoflag::rules::testing {
namespace {

TEST(Allocation, EvaluatingAsksForNone) {
  const Names names(*twitching());
  RandomForms forms(*twitching(), 11);
  for (int i = 0; i < 200; ++i) {
    const Form form = forms.next();
    const Facts facts = names.facts(form);
    const EvaluateFlags flags = names.flags(form);
    Verdicts verdicts;
    const std::size_t before = allocated;
    evaluate(*twitching(), facts, flags, verdicts);
    ASSERT_EQ(allocated, before) << to_text(form);
  }
  EXPECT_GT(allocated, 0U) << "nothing is counted";
}

}  // namespace
}  // namespace myoflag::rules::testing
