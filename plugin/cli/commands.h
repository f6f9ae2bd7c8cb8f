#pragma once
// The commands, one file each. Every function describes its command to the parser; what the command
// does when chosen is put into `run`.

#include <functional>

#include "plugin/cli/files.h"

namespace CLI {
class App;
}

namespace myoflag::cli {

using Run = std::function<Exit()>;

void add_evaluate(CLI::App& app, Run& run);
void add_batch(CLI::App& app, Run& run);
void add_check(CLI::App& app, Run& run);
void add_questionnaire(CLI::App& app, Run& run);
void add_convert(CLI::App& app, Run& run);
void add_knowledge(CLI::App& app, Run& run);
void add_knowledge_diff(CLI::App& knowledge, Run& run);
void add_config(CLI::App& app, Run& run);
void add_publish(CLI::App& app, Run& run);
void add_deliver(CLI::App& app, Run& run);
void add_feedback(CLI::App& app, Run& run);
void add_invite(CLI::App& app, Run& run);
void add_serve(CLI::App& app, Run& run);

}  // namespace myoflag::cli
