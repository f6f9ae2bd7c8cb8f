// TLS on real sockets: a client that speaks it, and those that break off in the middle of it.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "plugin/http/server.h"
#include "plugin/random_uuid.h"
#include "tests/http/raw_client.h"

namespace myoflag::http {
namespace {

using namespace std::chrono_literals;
using myoflag::testing::RawClient;

template <auto Free>
struct Freed {
  template <typename T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};
using Pkey = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using Context = std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>>;
using Session = std::unique_ptr<SSL, Freed<SSL_free>>;
using File = std::unique_ptr<std::FILE, Freed<std::fclose>>;

// A key and a certificate that it signed itself, as files that go with the test.
class Identity {
 public:
  explicit Identity(const std::string& name)
      : folder_(std::filesystem::temp_directory_path() / ("myoflag-tls-" + random_uuid())) {
    std::filesystem::create_directory(folder_);
    files.certificate = folder_ / "certificate.pem";
    files.key = folder_ / "key.pem";
    const Pkey key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
    const Certificate certificate(X509_new());
    auto* subject = X509_get_subject_name(certificate.get());
    X509_set_version(certificate.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
    const auto* bytes = static_cast<const unsigned char*>(static_cast<const void*>(name.data()));
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, bytes, static_cast<int>(name.size()),
                               -1, 0);
    X509_set_issuer_name(certificate.get(), subject);
    X509_set_pubkey(certificate.get(), key.get());
    X509_sign(certificate.get(), key.get(), EVP_sha256());
    const File certificate_file(std::fopen(files.certificate.c_str(), "w"));
    const File key_file(std::fopen(files.key.c_str(), "w"));
    PEM_write_X509(certificate_file.get(), certificate.get());
    PEM_write_PrivateKey(key_file.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  }
  ~Identity() { std::filesystem::remove_all(folder_); }
  Identity(const Identity&) = delete;
  Identity& operator=(const Identity&) = delete;

  TlsFiles files;

 private:
  std::filesystem::path folder_;
};

// Over a RawClient's socket; trusts whom it meets and remembers the name.
class TlsClient {
 public:
  explicit TlsClient(std::uint16_t port, int most_version = TLS1_3_VERSION)
      : raw_(port), context_(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX_set_security_level(context_.get(), 0);
    SSL_CTX_set_min_proto_version(context_.get(), TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context_.get(), most_version);
    session_.reset(SSL_new(context_.get()));
    SSL_set_fd(session_.get(), raw_.descriptor());
    connected_ = SSL_connect(session_.get()) == 1;
  }

  bool connected() const { return connected_; }
  RawClient& raw() { return raw_; }

  std::string server_name() const {
    const Certificate certificate(SSL_get1_peer_certificate(session_.get()));
    char name[100] = {};
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, name,
                              sizeof name);
    return name;
  }

  bool send(std::string_view bytes) {
    return SSL_write(session_.get(), bytes.data(), static_cast<int>(bytes.size())) > 0;
  }

  // All until the other side ends; `ended_well` when it said so.
  std::string read_all(bool& ended_well) {
    std::string text;
    char bytes[16384];
    int size = 0;
    while ((size = SSL_read(session_.get(), bytes, sizeof bytes)) > 0) {
      text.append(bytes, static_cast<std::size_t>(size));
    }
    ended_well = SSL_get_error(session_.get(), size) == SSL_ERROR_ZERO_RETURN;
    return text;
  }

  // Until that many answers of "hello" are there.
  bool has_answers(int count) {
    std::string text;
    char bytes[16384];
    for (int size = 1; size > 0 && count_of(text) < count;) {
      size = SSL_read(session_.get(), bytes, sizeof bytes);
      text.append(bytes, static_cast<std::size_t>(std::max(size, 0)));
    }
    return count_of(text) == count;
  }

 private:
  static int count_of(const std::string& text) {
    int count = 0;
    for (auto at = text.find("\r\n\r\nhello"); at != std::string::npos;
         at = text.find("\r\n\r\nhello", at + 1)) {
      ++count;
    }
    return count;
  }

  RawClient raw_;
  Context context_;
  Session session_;
  bool connected_ = false;
};

class TlsServer : public ::testing::Test {
 protected:
  void SetUp() override {
    std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to who has gone
    Router router;
    router.add({"GET", "/hello", "", [](const Request&) {
                  return Response{200, "text/plain", "hello", {}};
                }});
    router.add({"GET", "/large", "", [](const Request&) {
                  return Response{200, "text/plain", std::string(8u << 20, 'x'), {}};
                }});
    router.add({"POST",
                "/echo",
                "",
                [](const Request& request) {
                  return Response{200, "text/plain", request.body, {}};
                },
                {"text/plain"},
                1u << 20});
    ServerOptions options;
    options.limits.head_time = options.limits.body_time = 1s;
    options.limits.drain_time = 5s;
    auto tls = Tls::load(first.files);
    ASSERT_TRUE(tls) << tls.error().text;
    options.tls = *std::move(tls);
    auto started = Server::start([&](std::uint16_t) { return router; }, std::move(options));
    ASSERT_TRUE(started) << started.error().text;
    server = *std::move(started);
  }

  bool is_well() {
    TlsClient one(server->port());
    return one.connected() && one.send(hello) && one.has_answers(1);
  }

  bool is_empty_soon() {
    for (int i = 0; i < 1000 && server->connections() > 0; ++i) {
      std::this_thread::sleep_for(10ms);
    }
    return server->connections() == 0;
  }

  static constexpr std::string_view hello = "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n";
  Identity first{"first"};
  std::unique_ptr<Server> server;
};

TEST_F(TlsServer, AnswersManyRequestsOnOneConnectionAndPipelined) {
  TlsClient one(server->port());
  ASSERT_TRUE(one.connected());
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(one.send(hello));
    EXPECT_TRUE(one.has_answers(1));
  }
  std::string many;
  for (int i = 0; i < 20; ++i) {
    many += hello;
  }
  ASSERT_TRUE(one.send(many));
  EXPECT_TRUE(one.has_answers(20));
}

TEST_F(TlsServer, BodiesOfManyRecordsComeWholeBothWays) {
  TlsClient one(server->port());
  const std::string body(300'000, 'b');
  ASSERT_TRUE(
      one.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n"
               "Connection: close\r\nContent-Length: 300000\r\n\r\n"));
  ASSERT_TRUE(one.send(body));
  bool ended_well = false;
  const auto answer = one.read_all(ended_well);
  EXPECT_TRUE(answer.ends_with("\r\n\r\n" + body));
  EXPECT_TRUE(ended_well) << "the end is said";
}

TEST_F(TlsServer, SpeaksNothingOlder) {
  EXPECT_TRUE(TlsClient(server->port(), TLS1_2_VERSION).connected());
  EXPECT_FALSE(TlsClient(server->port(), TLS1_1_VERSION).connected());
  EXPECT_FALSE(TlsClient(server->port(), TLS1_VERSION).connected());
  RawClient plain(server->port());
  plain.send(hello);
  EXPECT_EQ(plain.answer().status, 0);
  EXPECT_TRUE(is_well());
}

TEST_F(TlsServer, ARefusalIsReadEvenWhileTheBodyIsStillSent) {
  TlsClient one(server->port());
  ASSERT_TRUE(
      one.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n"
               "Content-Length: 2000000\r\n\r\n"));
  one.send(std::string(100'000, 'b'));
  bool ended_well = false;
  EXPECT_TRUE(one.read_all(ended_well).starts_with("HTTP/1.1 413 "));
}

TEST_F(TlsServer, TimesCountWithinTls) {
  TlsClient head(server->port()), body(server->port());
  head.send("GET /hello HT");
  body.send(
      "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\n1");
  bool ended_well = false;
  EXPECT_TRUE(head.read_all(ended_well).starts_with("HTTP/1.1 408 "));
  EXPECT_TRUE(body.read_all(ended_well).starts_with("HTTP/1.1 408 "));
}

TEST_F(TlsServer, WhoBreaksOffAnywhereLeavesNothingBehind) {
  for (int i = 0; i < 40; ++i) {
    if (i % 5 == 0) {
      RawClient silent(server->port());
      silent.send(std::string_view("\x16\x03\x01\x02\x00\x01", static_cast<std::size_t>(i) % 7));
      i % 2 == 0 ? silent.reset() : silent.half_close();
      continue;
    }
    TlsClient one(server->port());
    const std::string_view starts[] = {"", "GET /large HTTP/1.1\r\nHost: x\r\n\r\n", hello,
                                       "POST /echo HTTP/1.1\r\nHost: x\r\n"};
    if (!starts[i % 4].empty()) {
      one.send(starts[i % 4]);
    }
    if (i % 3 == 0) {
      one.raw().reset();
    }
  }
  EXPECT_TRUE(is_well());
  EXPECT_TRUE(is_empty_soon());
}

TEST_F(TlsServer, AHandshakeThatNeverEndsIsGivenUp) {
  RawClient silent(server->port());
  const auto begin = Clock::now();
  EXPECT_TRUE(silent.is_closed());
  EXPECT_LT(Clock::now() - begin, 5s);
}

TEST_F(TlsServer, ANewCertificateCountsFromTheNextConnectionOn) {
  const Identity second("second");
  TlsClient kept(server->port());
  EXPECT_EQ(kept.server_name(), "first");
  auto tls = Tls::load(second.files);
  ASSERT_TRUE(tls) << tls.error().text;
  server->use(*std::move(tls));
  TlsClient newer(server->port());
  EXPECT_EQ(newer.server_name(), "second");
  ASSERT_TRUE(kept.send(hello));
  EXPECT_TRUE(kept.has_answers(1));
}

TEST_F(TlsServer, CertificatesChangeWhileManyConnect) {
  const Identity second("second");
  std::atomic<bool> ending{false};
  std::thread changer([&] {
    for (bool odd = false; !ending; odd = !odd) {
      server->use(*Tls::load(odd ? first.files : second.files));
    }
  });
  int answered = 0;
  for (int i = 0; i < 30; ++i) {
    answered += is_well() ? 1 : 0;
  }
  ending = true;
  changer.join();
  EXPECT_EQ(answered, 30);
}

TEST_F(TlsServer, AStopWaitsForNoHandshake) {
  RawClient silent(server->port());
  TlsClient idle(server->port());
  ASSERT_TRUE(idle.send(hello));
  EXPECT_TRUE(idle.has_answers(1));
  EXPECT_TRUE(server->stop());
}

TEST(Tls, SaysWhichFileIsOfNoUse) {
  const Identity one("one"), other("other");
  const auto text = [](const TlsFiles& files) {
    const auto tls = Tls::load(files);
    return tls ? std::string() : tls.error().text;
  };
  EXPECT_EQ(text(one.files), "");
  EXPECT_EQ(text({"/nowhere/a.pem", one.files.key}),
            "MF-4219: /nowhere/a.pem: no use for TLS: No such file or directory");
  EXPECT_EQ(text({one.files.certificate, "/nowhere/b.pem"}),
            "MF-4219: /nowhere/b.pem: no use for TLS: No such file or directory");
  EXPECT_TRUE(text({one.files.key, one.files.key}).starts_with("MF-4219: " + one.files.key));
  EXPECT_TRUE(text({one.files.certificate, other.files.key})
                  .starts_with("MF-4219: " + other.files.key + ": no use for TLS: key values"));
}

}  // namespace
}  // namespace myoflag::http
