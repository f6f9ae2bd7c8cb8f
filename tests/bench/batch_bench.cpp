// The speed of a batch, as ratios made in one run.
//
// usage: batch_bench generate BYTES [SEED]      NDJSON to standard output, nothing of it held
//        batch_bench measure [BYTES [RUNS [FOLDER]]]
//
// BYTES may end in K, M, G. `measure` runs whole jobs, each in a process of its own, one kind after
// the other and RUNS times round, and prints medians. "copy" is the same program that reads the
// same records and writes as much, in the same files, without looking at them.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iostream>
#include <numeric>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>

#include "plugin/batch/batch.h"
#include "tests/bench/invented_intakes.h"
#include "tests/mapping/intake_support.h"
#include "tests/support/processor_time.h"

namespace {

namespace fs = std::filesystem;
using namespace myoflag;
using Clock = std::chrono::steady_clock;

std::uint64_t bytes_of(const std::string& text) {
  const auto number = std::strtoull(text.c_str(), nullptr, 10);
  switch (text.empty() ? ' ' : text.back()) {
    case 'K':
      return number << 10U;
    case 'M':
      return number << 20U;
    case 'G':
      return number << 30U;
    default:
      return number;
  }
}

// False when the reader has gone away.
bool generate(std::uint64_t bytes, std::uint64_t seed, std::FILE* to) {
  bench::InventedIntakes intakes(seed);
  std::string block;
  for (std::uint64_t written = 0; written < bytes;) {
    block.clear();
    while (block.size() < (1U << 20U) && written + block.size() < bytes) {
      intakes.next(block);
    }
    if (std::fwrite(block.data(), 1, block.size(), to) != block.size()) {
      return false;
    }
    written += block.size();
  }
  return std::fflush(to) == 0;
}

struct Measured {
  double wall = 0, processor = 0;  // seconds
  double memory = 0;               // MB at the peak
  bool good = false;
};

Measured in_process_of_its_own(const std::function<bool()>& work) {
  const auto begin = Clock::now();
  const auto child = ::fork();
  if (child == 0) {
    std::_Exit(work() ? 0 : 1);
  }
  int status = 0;
  rusage used{};
  ::wait4(child, &status, 0, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return {std::chrono::duration<double>(Clock::now() - begin).count(),
          seconds(used.ru_utime) + seconds(used.ru_stime),
          static_cast<double>(used.ru_maxrss) / 1024,
          WIFEXITED(status) && WEXITSTATUS(status) == 0};
}

using Volumes = std::vector<double>;  // bytes a record, by file

// Each record is answered by as many bytes as a judgement has on average.
batch::Written copied(const batch::Record& record, const Volumes& volumes) {
  static const std::string bytes = [] {
    std::string text(4U << 20U, 'x');
    text.back() = '\n';
    return text;
  }();
  batch::Written out;
  out.place = record.place;
  out.tally.assessed = true;
  fhir::Uuid name;
  std::copy_n(reinterpret_cast<const std::uint8_t*>(&record.place.offset),
              sizeof record.place.offset, name.bytes.begin());
  out.name = name;
  for (std::size_t file = 0; file < volumes.size(); ++file) {
    const auto size = static_cast<std::size_t>(volumes[file]);
    out.to.emplace_back(file, bytes.substr(bytes.size() - size));
  }
  return out;
}

struct Kind {
  std::string name;
  int threads = 1;
  bool quick = true;
  bool copy = false;
};

class Bench {
 public:
  Bench(fs::path folder, int runs) : folder_(std::move(folder)), runs_(runs) {
    fs::create_directories(folder_);
  }

  fs::path input(std::uint64_t bytes) {
    const auto path = folder_ / fmt::format("in-{}.ndjson", bytes);
    if (std::error_code none; fs::file_size(path, none) < bytes || none) {
      std::FILE* file = std::fopen(path.c_str(), "wb");
      if (file == nullptr || !generate(bytes, 1, file)) {
        throw std::runtime_error("cannot write " + path.string());
      }
      std::fclose(file);
    }
    return path;
  }

  // Also tells the volume of the output, once something was judged.
  Measured run(const Kind& kind, const fs::path& in) {
    const auto out = folder_ / "out";
    fs::remove_all(out);
    const auto measured = in_process_of_its_own([&] { return job(kind, in, out); });
    if (!kind.copy) {
      learn_volumes(in, out);
    }
    fs::remove_all(out);
    return measured;
  }

  Measured median(const Kind& kind, const fs::path& in) {
    std::vector<Measured> all;
    for (int i = 0; i < runs_; ++i) {
      all.push_back(run(kind, in));
    }
    return middle(all);
  }

  static Measured middle(std::vector<Measured> all) {
    const auto of = [&all](double Measured::*member) {
      std::vector<double> values;
      for (const auto& one : all) {
        values.push_back(one.*member);
      }
      std::sort(values.begin(), values.end());
      return values[values.size() / 2];
    };
    const bool good = std::all_of(all.begin(), all.end(), [](const auto& one) { return one.good; });
    return {of(&Measured::wall), of(&Measured::processor), of(&Measured::memory), good};
  }

  std::uint64_t records() const { return records_; }
  double volume() const { return std::accumulate(volumes_.begin(), volumes_.end(), 0.0); }
  int runs() const { return runs_; }

 private:
  bool job(const Kind& kind, const fs::path& in, const fs::path& out) const {
    const Assessor assessor(testing::knowledge());
    batch::BatchOptions options;
    options.inputs = {in.string()};
    options.out = out.string();
    options.threads = kind.threads;
    options.output.now = testing::now();
    options.output.quick = kind.quick;
    if (kind.copy) {
      options.output.instead = [this](const auto& record) { return copied(record, volumes_); };
    }
    const std::atomic<bool> never{false};
    const auto done = batch::run_batch(
        assessor, options, [](const batch::Progress&) {}, never);
    return done.has_value();
  }

  void learn_volumes(const fs::path& in, const fs::path& out) {
    const auto names = batch::file_names(batch::Shape::resources);
    const auto lines = [](const fs::path& path) {
      std::FILE* file = std::fopen(path.c_str(), "rb");
      std::string block(1U << 20U, '\0');
      std::uint64_t count = 0;
      for (std::size_t got = 1; file != nullptr && got > 0;) {
        got = std::fread(block.data(), 1, block.size(), file);
        count += static_cast<std::uint64_t>(
            std::count(block.begin(), block.begin() + static_cast<std::ptrdiff_t>(got), '\n'));
      }
      if (file != nullptr) {
        std::fclose(file);
      }
      return count;
    };
    records_ = lines(in);
    volumes_.clear();
    for (std::size_t i = 0; i + 2 < names.size(); ++i) {
      std::error_code none;
      volumes_.push_back(static_cast<double>(fs::file_size(out / names[i], none)) /
                         static_cast<double>(records_));
    }
  }

  fs::path folder_;
  int runs_;
  Volumes volumes_;
  std::uint64_t records_ = 0;
};

// What judging and writing down take, without reading and keeping: processor time of this thread.
Measured alone(const fs::path& in, bool quick, std::uint64_t most, double& records) {
  const Assessor assessor(testing::knowledge());
  const std::vector<batch::InputFile> files{{in.string(), "in", false, 0, 0}};
  batch::OutputOptions options;
  options.now = testing::now();
  options.quick = quick;
  const batch::OutputWriter writer(assessor, files, options);
  const auto desk = writer.desk();
  batch::RecordReader reader(files, {});
  Measured sum;
  sum.good = true;
  records = 0;
  for (auto record = reader.read(); record && records < static_cast<double>(most);
       record = reader.read()) {
    const auto begin = timing::processor_seconds();
    const auto written = writer.write(*record, *desk);
    sum.processor += timing::processor_seconds() - begin;
    sum.good = sum.good && written.name.has_value();
    ++records;
  }
  return sum;
}

void tell(const std::string& what, const Measured& one, double records) {
  std::cout << fmt::format("{:<34} {:>9.1f} {:>9.1f} {:>8.0f}{}\n", what,
                           one.processor / records * 1e6, one.wall / records * 1e6, one.memory,
                           one.good ? "" : "  FAILED")
            << std::flush;
}

void judge(std::string_view what, double ratio, std::string_view goal, bool met) {
  std::cout << fmt::format("  {:<52} {:>8.2f}   goal {}  {}\n", what, ratio, goal,
                           met ? "met" : "NOT MET")
            << std::flush;
}

int measure(std::uint64_t bytes, int runs, const fs::path& folder) {
  Bench bench(folder, runs);
  const Kind copy{"copy", 1, true, true}, quick{"quick way, 1 thread"},
      two{"quick way, 2 threads", 2}, plain{"careful way, 1 thread", 1, false};
  const auto in = bench.input(bytes);
  const auto few = bench.input(std::clamp<std::uint64_t>(bytes / 100, 1U << 20U, 4U << 20U));
  (void)bench.run(quick, in);  // warm, and the volume
  const auto records = static_cast<double>(bench.records());
  std::cout << fmt::format("{} records, {:.1f} KB in and {:.1f} KB out each, {} runs, medians\n",
                           bench.records(), static_cast<double>(bytes) / records / 1e3,
                           bench.volume() / 1e3, runs)
            << fmt::format("{:<34} {:>9} {:>9} {:>8}\n", "microseconds a record", "processor",
                           "wall", "peak MB");
  std::vector<Measured> copies, quicks, twos;
  for (int i = 0; i < runs; ++i) {
    copies.push_back(bench.run(copy, in));
    quicks.push_back(bench.run(quick, in));
    twos.push_back(bench.run(two, in));
  }
  const auto copied_once = Bench::middle(copies);
  const auto once = Bench::middle(quicks);
  const auto twice = Bench::middle(twos);
  const auto careful = bench.median(plain, few);
  const auto few_records = static_cast<double>(bench.records());
  tell(copy.name, copied_once, records);
  tell(quick.name, once, records);
  tell(two.name, twice, records);
  tell(plain.name, careful, few_records);
  double quick_records = 0, careful_records = 0;
  const auto quick_alone = alone(in, true, 5000, quick_records);
  const auto careful_alone = alone(in, false, 200, careful_records);
  tell("judging alone, quick way", quick_alone, quick_records);
  tell("judging alone, careful way", careful_alone, careful_records);
  const double alone_times =
      careful_alone.processor / careful_records / (quick_alone.processor / quick_records);
  const double share = copied_once.processor / once.processor;
  const double times = careful.processor / few_records / (once.processor / records);
  const double threads = once.wall / twice.wall;
  judge("share of the copy limit (processor time)", share, ">= 0.40", share >= 0.4);
  judge("times the careful way (processor time)", times, ">= 25  ", times >= 25);
  judge("the same, judging alone", alone_times, ">= 25  ", alone_times >= 25);
  judge("two threads against one (wall time)", threads, ">= 1.8 ", threads >= 1.8);
  judge("MB at the peak, 1 thread", once.memory, "< 80   ", once.memory < 80);
  judge("MB at the peak, 2 threads", twice.memory, "< 96   ", twice.memory < 96);
  return 0;
}

// The same for ever larger inputs: time a record, and memory.
int grow(std::uint64_t most, int runs, const fs::path& folder) {
  Bench bench(folder, runs);
  std::cout << fmt::format("{:<34} {:>9} {:>9} {:>8}\n", "microseconds a record", "processor",
                           "wall", "peak MB");
  for (std::uint64_t bytes = 10U << 20U; bytes <= most; bytes *= 10) {
    const auto in = bench.input(bytes);
    const auto one = bench.median({"quick way"}, in);
    tell(fmt::format("quick way, {} MB", bytes >> 20U), one, static_cast<double>(bench.records()));
    fs::remove(in);
  }
  return 0;
}

}  // namespace

int main(int count, char** given) {
  const auto argument = [&](int at, const char* otherwise) {
    return std::string(count > at ? given[at] : otherwise);
  };
  const auto command = argument(1, "");
  const auto folder = argument(4, (fs::temp_directory_path() / "myoflag-bench").c_str());
  if (command == "generate") {
    return generate(bytes_of(argument(2, "10M")),
                    std::strtoull(argument(3, "1").c_str(), nullptr, 10), stdout)
               ? 0
               : 1;
  }
  const auto runs = static_cast<int>(std::strtol(argument(3, "3").c_str(), nullptr, 10));
  if (command == "measure") {
    return measure(bytes_of(argument(2, "200M")), runs, folder);
  }
  if (command == "grow") {
    return grow(bytes_of(argument(2, "1G")), runs, folder);
  }
  std::cerr << "usage: batch_bench generate BYTES [SEED] | measure|grow [BYTES [RUNS [FOLDER]]]\n";
  return 2;
}
