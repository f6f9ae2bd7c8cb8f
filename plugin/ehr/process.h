#pragma once
// Starts the program that speaks to the EHR, and waits for it.

#include <atomic>
#include <chrono>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "plugin/failure.h"

namespace myoflag::ehr {

// Its messages go to our standard error; secrets reach it by the environment. Fails as it fails,
// with a text that is empty where it has said itself what happened; MF-4133 when it died, MF-4134
// when it cannot be started.
// After `stop` it is asked to end in good order, and after `patience` more it is ended. `input`: a
// file of ours that is its standard input; unless told it has ours.
tl::expected<void, Failure> run_ehr(const std::vector<std::string>& arguments,
                                    const std::atomic<bool>& stop, int input = 0,
                                    std::chrono::milliseconds patience = std::chrono::hours(1));

// Whose sign-in of our environment it is given: nobody's, where a call's own token is used, or ours
// at our own EHR (MYOFLAG_EHR_TOKEN, MYOFLAG_EHR_USER, MYOFLAG_EHR_PASSWORD).
enum class SignIn { none, ours };

// Only started, with `input` as its standard input, and without any other secret of our
// environment. Gives its number; who started it waits for its end. MF-4134.
tl::expected<int, Failure> start_ehr(const std::vector<std::string>& arguments, int input,
                                     SignIn sign_in);

}  // namespace myoflag::ehr
