#include "plugin/gzip.h"

#include <stdexcept>
#include <zlib.h>

namespace myoflag {

std::string gzip_of(std::string_view text, int effort) {
  constexpr int gzip = 16 + MAX_WBITS;
  constexpr int memory = 8;
  z_stream stream{};
  if (deflateInit2(&stream, effort, Z_DEFLATED, gzip, memory, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::runtime_error("no memory to compress in");
  }
  std::string out(deflateBound(&stream, text.size()), '\0');
  // zlib only reads it, but does not say so.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int end = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  if (end != Z_STREAM_END) {
    throw std::runtime_error("the text cannot be compressed");
  }
  return out;
}

}  // namespace myoflag
