#include "plugin/cli/app.h"

int main(int argc, char** argv) { return myoflag::cli::run(argc, argv); }
