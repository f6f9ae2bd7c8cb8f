#pragma once
// A PostgreSQL for the tests of one process: started with the first database that is asked for,
// gone with the process. Where it cannot be started, the test fails.

#include <string>

namespace myoflag {

// The address of a new, empty database.
std::string new_database();

// Statements in it; throws where one fails.
void run_in(const std::string& address, const std::string& sql);

}  // namespace myoflag
