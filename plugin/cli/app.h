#pragma once
// The command line: which command, with which options. Results go to standard output, everything
// else to standard error; nothing is written to standard output before a command has succeeded.

namespace myoflag::cli {

// The exit code of the process: 0 done, 1 an input was rejected, 2 usage or configuration, 3
// something outside failed. No exception leaves it.
int run(int argc, char** argv);

}  // namespace myoflag::cli
