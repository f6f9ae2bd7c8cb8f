#include <stdexcept>
#include <string_view>

#include "plugin/knowledge/knowledge.h"
#include "plugin/knowledge/snapshot_bytes.h"
#include "rules/snapshot.h"

namespace myoflag {

rules::KnowledgePtr embedded_knowledge() {
  auto knowledge = rules::read_snapshot(embedded_snapshot());
  if (!knowledge) {
    // Made and read by the same build: only a damaged executable comes here.
    throw std::logic_error(knowledge.error().text);
  }
  return std::move(*knowledge);
}

}  // namespace myoflag
