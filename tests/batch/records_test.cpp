#include <filesystem>
#include <fstream>
#include <string>
#include <vector>
#include <zlib.h>
#include <zstd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugin/batch/records.h"

namespace myoflag::batch {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

class Folder : public ::testing::Test {
 protected:
  Folder() { fs::create_directories(path_); }
  ~Folder() override { fs::remove_all(path_); }

  std::string put(const std::string& name, std::string_view bytes) const {
    const auto path = path_ / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << bytes;
    return path.string();
  }

  std::vector<InputFile> inputs(const std::vector<std::string>& paths) const {
    auto files = find_inputs(paths);
    EXPECT_TRUE(files) << (files ? "" : files.error().text);
    return files ? *files : std::vector<InputFile>();
  }

  // "line@offset:bytes" of each record, or the code of its error.
  std::vector<std::string> read(const std::vector<InputFile>& files,
                                std::size_t most = 1000) const {
    RecordReader reader(files, {most});
    std::vector<std::string> out;
    while (auto record = reader.read()) {
      out.push_back(std::to_string(record->place.line) + "@" +
                    std::to_string(record->place.offset) + ":" +
                    (record->error ? record->error->code : record->bytes));
    }
    return out;
  }

  const fs::path path_ =
      fs::temp_directory_path() / ("records_test." + std::to_string(::getpid()) + "." +
                                   ::testing::UnitTest::GetInstance()->current_test_info()->name());
};

std::string gzip(std::string_view text) {
  z_stream stream{};
  EXPECT_EQ(::deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(text.size() + 1000, '\0');
  std::string in(text);
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(::deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  ::deflateEnd(&stream);
  return out;
}

std::string zstd(std::string_view text) {
  std::string out(::ZSTD_compressBound(text.size()), '\0');
  out.resize(::ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

using RecordReaderTest = Folder;

TEST_F(RecordReaderTest, LinesHaveTheirPlaces) {
  const auto files = inputs({put("a.ndjson", "one\r\n\n  \ntwo\nthree")});
  EXPECT_THAT(read(files), ElementsAre("1@0:one\r", "4@9:two", "5@13:three"));
}

TEST_F(RecordReaderTest, AByteOrderMarkIsPassedOverAtTheStartOnly) {
  const auto files = inputs({put("a.ndjson", "\xEF\xBB\xBFone\n\xEF\xBB\xBFtwo\n")});
  EXPECT_THAT(read(files), ElementsAre("1@0:one", "2@7:\xEF\xBB\xBFtwo"));
}

TEST_F(RecordReaderTest, ALongLineIsOneErrorAndTheNextOnesAreRead) {
  const auto files = inputs({put("a.ndjson", "one\n" + std::string(2'000'000, 'x') + "\ntwo\n")});
  EXPECT_THAT(read(files), ElementsAre("1@0:one", "2@4:MF-4104", "3@2000005:two"));
}

TEST_F(RecordReaderTest, AnEmptyFileHasNoRecords) {
  EXPECT_THAT(read(inputs({put("a.ndjson", ""), put("b.ndjson", "\n\n")})), ElementsAre());
}

TEST_F(RecordReaderTest, CompressedInputIsKnownByItsFirstBytes) {
  const std::string text = "one\ntwo\n";
  const auto files = inputs({put("a.ndjson", gzip(text)), put("b.ndjson.zst", zstd(text)),
                             put("c.ndjson.gz", gzip("one\nt") + gzip("wo\n")),
                             put("d.ndjson", zstd("one\n") + zstd("two\n"))});
  EXPECT_THAT(read(files), ElementsAre("1@0:one", "2@4:two", "1@0:one", "2@4:two", "1@0:one",
                                       "2@4:two", "1@0:one", "2@4:two"));
}

TEST_F(RecordReaderTest, EveryCutOfACompressedFileIsNoticed) {
  std::string text;
  for (int i = 0; i < 200; ++i) {
    text += std::to_string(i * 7919) + "\n";
  }
  for (const auto& whole : {gzip(text), zstd(text)}) {
    for (std::size_t size = 5; size < whole.size(); size += 7) {
      const auto records = read(inputs({put("a.ndjson", whole.substr(0, size))}));
      ASSERT_FALSE(records.empty());
      EXPECT_TRUE(records.back().ends_with(":MF-4102")) << size << " " << records.back();
      for (std::size_t i = 0; i + 1 < records.size(); ++i) {
        EXPECT_TRUE(records[i].ends_with(":" + std::to_string(i * 7919))) << records[i];
      }
    }
  }
}

TEST_F(RecordReaderTest, WhatStandsBehindCompressedDataIsDamage) {
  for (const auto& whole : {gzip("one\n"), zstd("one\n")}) {
    EXPECT_THAT(read(inputs({put("a.ndjson", whole + "and more")})),
                ElementsAre("1@0:one", "2@4:MF-4102"));
  }
}

std::string skippable(char kind, const std::string& text) {
  const auto size = static_cast<char>(text.size());
  return std::string{kind, '\x2A', '\x4D', '\x18', size, 0, 0, 0} + text;
}

TEST_F(RecordReaderTest, SkippableFramesAndZeroPaddingAreNone) {
  const std::string zeros(10'000, '\0');
  const std::string whole[] = {
      gzip("one\n") + zeros,
      gzip("one\n") + '\0',
      skippable('\x50', "note") + zstd("one\n"),
      zstd("one\n") + skippable('\x5F', ""),
      skippable('\x57', "") + zstd("on") + skippable('\x51', "note") + zstd("e\n"),
  };
  for (const auto& bytes : whole) {
    EXPECT_THAT(read(inputs({put("a.ndjson", bytes)})), ElementsAre("1@0:one"));
  }
  const std::string damaged[] = {gzip("one\n") + zeros + "more",
                                 gzip("one\n") + '\0' + gzip("two\n"),
                                 zstd("one\n") + skippable('\x50', "note").substr(0, 9)};
  for (const auto& bytes : damaged) {
    EXPECT_THAT(read(inputs({put("a.ndjson", bytes)})), ElementsAre("1@0:one", "2@4:MF-4102"));
  }
  EXPECT_THAT(read(inputs({put("a.ndjson", skippable('\x50', "only a note"))})), ElementsAre());
}

TEST_F(RecordReaderTest, DocumentsAreReadWhole) {
  const auto files = inputs({put("a.json", "{\n}\n"), put("b.xml.gz", gzip("<a\n/>")),
                             put("c.json", std::string(2000, 'x')), put("d.ndjson", "x\n")});
  EXPECT_THAT(read(files), ElementsAre("0@0:{\n}\n", "0@0:<a\n/>", "0@0:MF-4104", "1@0:x"));
}

TEST_F(RecordReaderTest, NamesAreReadableWhateverTheirBytes) {
  const auto files = inputs({put("bad\xff.ndjson", "one\n")});
  ASSERT_EQ(files.size(), 1U);
  EXPECT_THAT(files[0].name, ::testing::Not(::testing::HasSubstr("\xff")));
  EXPECT_THAT(read(files), ElementsAre("1@0:one"));
}

TEST_F(RecordReaderTest, WhatCannotBeOpenedInAFolderIsSaid) {
  put("in/a.NDJSON", "one\n");
  fs::create_symlink(path_ / "nowhere", path_ / "in" / "b.ndjson");
  EXPECT_THAT(read(inputs({(path_ / "in").string()})), ElementsAre("1@0:one", "1@0:MF-4101"));
}

TEST_F(RecordReaderTest, AFolderIsReadInTheOrderOfNames) {
  put("in/b/2.ndjson", "two\n");
  put("in/a.json", "one");
  put("in/c.xml", "three");
  put("in/notes.txt", "no");
  const auto files = inputs({(path_ / "in").string()});
  EXPECT_THAT(read(files), ElementsAre("0@0:one", "1@0:two", "0@0:three"));
}

std::vector<std::string> parts_of(const std::vector<InputFile>& files) {
  std::vector<std::string> parts;
  for (const auto& file : files) {
    parts.push_back(fs::path(file.path).filename().string() + (file.bulk >= 0 ? " part" : ""));
  }
  return parts;
}

TEST_F(RecordReaderTest, AFolderWithResponsesAndOtherResourcesIsAnExport) {
  put("in/QuestionnaireResponse.000.ndjson", "");
  put("in/1.Patient.ndjson.gz", "");
  put("in/manifest.json", "");
  put("in/answers.json", "");
  put("in/more/Condition.ndjson", "");
  EXPECT_THAT(parts_of(inputs({(path_ / "in").string()})),
              ElementsAre("1.Patient.ndjson.gz part", "QuestionnaireResponse.000.ndjson part",
                          "manifest.json part", "Condition.ndjson part", "answers.json"));
  EXPECT_THAT(parts_of(inputs({(path_ / "in/1.Patient.ndjson.gz").string()})),
              ElementsAre("1.Patient.ndjson.gz"));
}

TEST_F(RecordReaderTest, OtherFoldersAreNone) {
  put("responses/QuestionnaireResponse.000.ndjson", "");
  put("responses/QuestionnaireResponse.001.ndjson", "");
  put("responses/more/Patient.ndjson", "");
  put("records/Patient.ndjson", "");
  put("records/Condition.ndjson", "");
  for (const auto* folder : {"responses", "records"}) {
    for (const auto& file : inputs({(path_ / folder).string()})) {
      EXPECT_EQ(file.bulk, -1) << file.path;
    }
  }
}

TEST_F(RecordReaderTest, WhatIsNotThereIsRefusedBeforeAnythingIsRead) {
  fs::create_directories(path_ / "empty");
  for (const auto& path : {path_ / "absent.ndjson", path_ / "empty"}) {
    const auto files = find_inputs({path.string()});
    ASSERT_FALSE(files);
    EXPECT_EQ(files.error().exit, Exit::usage);
    EXPECT_THAT(files.error().text, ::testing::HasSubstr("MF-4100"));
  }
}

TEST_F(RecordReaderTest, AFileThatVanishesOrChangesIsAnError) {
  const auto path = put("a.ndjson", "one\n");
  const auto files = inputs({path, put("b.ndjson", "two\n")});
  fs::remove(path);
  EXPECT_THAT(read(files), ElementsAre("1@0:MF-4101", "1@0:two"));

  const auto again = inputs({put("c.ndjson", "one\ntwo\n")});
  RecordReader reader(again, {});
  ASSERT_TRUE(reader.read());
  std::ofstream(path_ / "c.ndjson", std::ios::app) << "three\n";
  std::string last;
  while (auto record = reader.read()) {
    last = record->error ? record->error->code : record->bytes;
  }
  EXPECT_EQ(last, "MF-4103");
}

// From every place on, what follows is what follows when all is read.
TEST_F(RecordReaderTest, GoesOnFromAnyPlace) {
  const auto files = inputs({put("a.ndjson", "one\n\ntwo\nthree"), put("b.json", "{}"),
                             put("c.ndjson.gz", gzip("four\nfive\n"))});
  const auto all = read(files);
  ASSERT_EQ(all.size(), 6U);
  RecordReader first(files, {});
  for (std::size_t done = 0; done <= all.size(); ++done) {
    RecordReader rest(files, {});
    rest.go_to(first.next());
    std::vector<std::string> seen;
    while (auto record = rest.read()) {
      seen.push_back(std::to_string(record->place.line) + "@" +
                     std::to_string(record->place.offset) + ":" + record->bytes);
    }
    EXPECT_EQ(seen,
              std::vector<std::string>(all.begin() + static_cast<std::ptrdiff_t>(done), all.end()));
    first.read();
  }
}

}  // namespace
}  // namespace myoflag::batch
