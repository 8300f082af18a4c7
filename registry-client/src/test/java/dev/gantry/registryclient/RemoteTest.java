package dev.gantry.registryclient;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.base.Failure;
import dev.gantry.oci.Descriptor;
import dev.gantry.oci.Digest;
import dev.gantry.oci.ImageReference;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RemoteTest {
  private static final byte[] MANIFEST = "{\"schemaVersion\":2}".getBytes(StandardCharsets.UTF_8);

  private ScriptedRegistry registry;
  private ScriptedRegistry other;

  @BeforeEach
  void start() throws IOException {
    registry = new ScriptedRegistry();
    other = new ScriptedRegistry();
  }

  @AfterEach
  void stop() throws IOException {
    registry.close();
    other.close();
  }

  private static RegistryOptions options(Duration patience, RegistryOptions.Rewrite... rewrites) {
    return new RegistryOptions(
        List.of(),
        List.of(),
        List.of(rewrites),
        List.of(Path.of("/nonexistent")),
        new RegistryOptions.Proxies("", "", List.of()),
        3,
        3,
        3,
        patience);
  }

  private Remote remote(Credentials credentials) {
    return new Registries(() -> options(Duration.ofSeconds(30)))
        .at(registry.uri(), "a/b", credentials);
  }

  private Remote remote() {
    return remote(Credentials.NONE);
  }

  private static Descriptor descriptor(byte[] bytes) {
    return new Descriptor("", Digest.of(bytes), bytes.length);
  }

  private static byte[] random(int size) {
    byte[] bytes = new byte[size];
    new Random(size).nextBytes(bytes);
    return bytes;
  }

  private String blobRequest(byte[] bytes) {
    return "GET /v2/a/b/blobs/" + Digest.of(bytes);
  }

  @Nested
  class Reading {
    @Test
    void manifestComesWithItsDigest() {
      registry.manifest("a/b", "1", MANIFEST);
      Fetched fetched = remote().manifest("1");
      assertEquals(Digest.of(MANIFEST), fetched.digest());
      assertArrayEquals(MANIFEST, fetched.bytes());
    }

    @Test
    void manifestOfAnotherDigestIsRefused() {
      Digest wanted = Digest.of(new byte[] {1});
      registry.manifest("a/b", wanted.toString(), MANIFEST);
      Failure e = assertThrows(Failure.Corrupted.class, () -> remote().manifest(wanted.toString()));
      assertTrue(e.text().contains("manifest verification failed"), e.text());
    }

    @Test
    void unknownManifestIsSaidInTheRegistrysWords() {
      Failure e = assertThrows(Failure.NotFound.class, () -> remote().manifest("2"));
      assertEquals("manifest unknown: manifest unknown", e.text());
    }

    @Test
    void nobodyListens() throws IOException {
      URI closed = registry.uri();
      registry.close();
      Failure e = assertThrows(Failure.Internal.class, () -> remote().manifest("1"));
      assertEquals(
          "Get \""
              + closed
              + "/v2/\": dial tcp "
              + closed.getAuthority()
              + ": connect: connection refused",
          e.text());
    }

    @Test
    void errorOfTheServerIsTriedAgain() {
      registry.onEach(
          "GET /v2/a/b/manifests/1",
          (q, r) -> r.send(503, new byte[0]),
          (q, r) -> r.send(200, MANIFEST));
      assertArrayEquals(MANIFEST, remote().manifest("1").bytes());
      assertEquals(2, registry.requests.size());
    }

    @Test
    void rateLimitIsExplained() {
      registry.on(
          "GET /v2/a/b/manifests/1",
          (q, r) -> {
            r.header("Retry-After", "3600").header("RateLimit-Limit", "100;w=21600");
            r.send(429, ScriptedRegistry.error("TOOMANYREQUESTS", "slow down"));
          });
      Failure e = assertThrows(Failure.Unavailable.class, () -> remote().manifest("1"));
      assertEquals(
          "toomanyrequests: slow down (limit 100 in 360 minutes) (try again in 120 s)", e.text());
      assertEquals(1, registry.requests.size());
    }

    @Test
    void theTimeThatARegistryAsksForIsWaited() {
      registry.onEach(
          "GET /v2/a/b/manifests/1",
          (q, r) -> {
            r.header("Retry-After", "1");
            r.send(429, ScriptedRegistry.error("TOOMANYREQUESTS", "slow down"));
          },
          (q, r) -> r.send(200, MANIFEST));
      long start = System.nanoTime();
      assertArrayEquals(MANIFEST, remote().manifest("1").bytes());
      assertTrue(System.nanoTime() - start >= Duration.ofSeconds(1).toNanos());
      assertEquals(2, registry.requests.size());
    }

    @Test
    void hugeManifestIsRefused() {
      registry.on("GET /v2/a/b/manifests/1", (q, r) -> r.send(200, new byte[5 << 20]));
      assertThrows(Failure.TooLarge.class, () -> remote().manifest("1"));
    }

    @Test
    void controlCharactersDoNotReachTheTerminal() {
      registry.on(
          "GET /v2/a/b/manifests/1",
          (q, r) -> r.send(403, ScriptedRegistry.error("DENIED", "\\u001b[31mred")));
      Failure e = assertThrows(Failure.Forbidden.class, () -> remote().manifest("1"));
      assertEquals("denied: ?[31mred", e.text());
    }

    @Test
    void silentServerIsGivenUp() throws Exception {
      CountDownLatch end = new CountDownLatch(1);
      registry.on(
          "GET /v2/a/b/manifests/1",
          (q, r) -> {
            try {
              end.await();
            } catch (InterruptedException e) {
              Thread.currentThread().interrupt();
            }
          });
      Remote impatient =
          new Registries(() -> options(Duration.ofMillis(300)))
              .at(registry.uri(), "a/b", Credentials.NONE);
      Failure e = assertThrows(Failure.Internal.class, () -> impatient.manifest("1"));
      end.countDown();
      assertTrue(e.text().contains("no answer within"), e.text());
    }

    @Test
    void tagsComeInPages() {
      registry.onEach(
          "GET /v2/a/b/tags/list",
          (q, r) -> {
            r.header("Link", "</v2/a/b/tags/list?last=1>; rel=\"next\"");
            r.send(200, "{\"tags\":[\"1\"]}".getBytes(StandardCharsets.UTF_8));
          },
          (q, r) -> r.send(200, "{\"tags\":[\"2\"]}".getBytes(StandardCharsets.UTF_8)));
      assertEquals(List.of("1", "2"), remote().tags());
    }
  }

  @Nested
  class Blobs {
    @Test
    void brokenDownloadGoesOnWhereItWas() {
      byte[] bytes = random(300_000);
      registry.onEach(
          blobRequest(bytes),
          ScriptedRegistry.cutOff(bytes, 200_000),
          ScriptedRegistry.blob(bytes));
      assertArrayEquals(bytes, remote().blob(descriptor(bytes), 1 << 20));
      assertEquals(blobRequest(bytes) + " bytes=200000-", registry.requests.getLast());
    }

    /// Slowness is no silence: a body may take much longer than a registry may be silent.
    @Test
    void slowServerIsBorne() {
      byte[] bytes = random(20);
      registry.on(
          blobRequest(bytes),
          (q, r) -> {
            try (OutputStream out = r.sized(200, bytes.length)) {
              for (byte b : bytes) {
                out.write(b);
                out.flush();
                LockSupport.parkNanos(Duration.ofMillis(200).toNanos());
              }
            }
          });
      Remote impatient =
          new Registries(() -> options(Duration.ofSeconds(3)))
              .at(registry.uri(), "a/b", Credentials.NONE);
      assertArrayEquals(bytes, impatient.blob(descriptor(bytes), 1 << 20));
      assertEquals(1, registry.requests.size());
    }

    @Test
    void silenceInTheMiddleOfABodyIsEndedAndTheRestLoaded() {
      byte[] bytes = random(300_000);
      CountDownLatch end = new CountDownLatch(1);
      registry.onEach(
          blobRequest(bytes),
          (q, r) -> {
            try (OutputStream out = r.sized(200, bytes.length)) {
              out.write(bytes, 0, 200_000);
              out.flush();
              end.await();
            } catch (InterruptedException e) {
              Thread.currentThread().interrupt();
            }
          },
          ScriptedRegistry.blob(bytes));
      Remote impatient =
          new Registries(() -> options(Duration.ofMillis(500)))
              .at(registry.uri(), "a/b", Credentials.NONE);
      assertArrayEquals(bytes, impatient.blob(descriptor(bytes), 1 << 20));
      end.countDown();
      assertEquals(blobRequest(bytes) + " bytes=200000-", registry.requests.getLast());
    }

    @Test
    void serverWithoutRangesSendsItAllAgain() {
      byte[] bytes = random(300_000);
      registry.onEach(
          blobRequest(bytes),
          ScriptedRegistry.cutOff(bytes, 100_000),
          (q, r) -> r.send(200, bytes));
      assertArrayEquals(bytes, remote().blob(descriptor(bytes), 1 << 20));
    }

    @Test
    void wrongContentIsRefused() {
      byte[] bytes = random(1000);
      registry.on(blobRequest(bytes), ScriptedRegistry.blob(random(1001)));
      assertThrows(Failure.Corrupted.class, () -> remote().blob(descriptor(bytes), 1 << 20));
      registry.on(blobRequest(bytes), ScriptedRegistry.blob(new byte[1000]));
      assertThrows(Failure.Corrupted.class, () -> remote().blob(descriptor(bytes), 1 << 20));
    }

    @Test
    void alwaysTruncatingServerIsGivenUp() {
      byte[] bytes = random(1000);
      registry.on(
          blobRequest(bytes),
          (q, r) -> {
            try (OutputStream out = r.sized(200, 0)) {
              out.flush();
            }
          });
      Failure e =
          assertThrows(Failure.Internal.class, () -> remote().blob(descriptor(bytes), 1 << 20));
      assertTrue(e.text().contains("0 of 1000 bytes"), e.text());
      assertEquals(3, registry.requests.size());
    }

    @Test
    void fullDiskIsNotTheRegistrysFault() {
      byte[] bytes = random(1000);
      registry.on(blobRequest(bytes), ScriptedRegistry.blob(bytes));
      BlobSink full =
          new BlobSink() {
            @Override
            public long size() {
              return 0;
            }

            @Override
            public void write(byte[] b, int offset, int length) throws IOException {
              throw new IOException("No space left on device");
            }

            @Override
            public void restart() {}
          };
      Failure e =
          assertThrows(Failure.Internal.class, () -> remote().load(descriptor(bytes), full));
      assertEquals("could not keep what was loaded: No space left on device", e.text());
      assertEquals(1, registry.requests.size());
    }
  }

  @Nested
  class GettingIn {
    private void wantsToken() {
      registry.on(
          "GET /v2/a/b/manifests/1",
          (q, r) -> {
            if (q.header("Authorization").orElse("").equals("Bearer T")) {
              r.send(200, MANIFEST);
            } else {
              r.header(
                  "WWW-Authenticate", "Bearer realm=\"" + other.uri() + "/token\",service=\"s\"");
              r.send(401, ScriptedRegistry.error("UNAUTHORIZED", "authentication required"));
            }
          });
    }

    @Test
    void tokenIsFetchedWithThePasswordAndShown() {
      wantsToken();
      other.on(
          "GET /token",
          (q, r) -> {
            assertEquals("repository:a/b:pull", q.parameter("scope").orElse(""));
            assertEquals("s", q.parameter("service").orElse(""));
            r.send(200, "{\"token\":\"T\"}".getBytes(StandardCharsets.UTF_8));
          });
      Remote remote = remote(new Credentials("u", "p"));
      assertArrayEquals(MANIFEST, remote.manifest("1").bytes());
      assertArrayEquals(MANIFEST, remote.manifest("1").bytes());
      assertEquals(List.of("", "Bearer T", "Bearer T"), registry.authorizations);
      assertEquals(List.of("Basic dTpw"), other.authorizations);
    }

    @Test
    void identityTokenIsExchanged() {
      wantsToken();
      other.on(
          "POST /token",
          (q, r) -> {
            String form = new String(q.body().readAllBytes(), StandardCharsets.UTF_8);
            assertTrue(form.contains("refresh_token=R"), form);
            r.send(200, "{\"access_token\":\"T\"}".getBytes(StandardCharsets.UTF_8));
          });
      assertArrayEquals(MANIFEST, remote(new Credentials("u", "", "R", "")).manifest("1").bytes());
    }

    @Test
    void basicWithoutCredentialsIsSaid() {
      registry.on(
          "GET /v2/a/b/manifests/1",
          (q, r) -> {
            r.header("WWW-Authenticate", "Basic realm=\"x\"");
            r.send(401, new byte[0]);
          });
      Failure e = assertThrows(Failure.Unauthorized.class, () -> remote().manifest("1"));
      assertEquals(
          "Get \"" + registry.uri() + "/v2/a/b/manifests/1\": no basic auth credentials", e.text());
    }

    @Test
    void wrongPasswordIsNotTriedForEver() {
      registry.on(
          "GET /v2/a/b/manifests/1",
          (q, r) -> {
            r.header("WWW-Authenticate", "Basic realm=\"x\"");
            r.send(401, ScriptedRegistry.error("UNAUTHORIZED", "authentication required"));
          });
      Failure e =
          assertThrows(
              Failure.Unauthorized.class, () -> remote(new Credentials("u", "p")).manifest("1"));
      assertEquals("unauthorized: authentication required", e.text());
      assertEquals(2, registry.requests.size());
    }

    @Test
    void redirectTakesNoCredentialsAlong() {
      byte[] bytes = random(1000);
      registry.on(
          blobRequest(bytes),
          (q, r) -> {
            if (q.header("Authorization").isEmpty()) {
              r.header("WWW-Authenticate", "Basic realm=\"x\"");
              r.send(401, new byte[0]);
            } else {
              r.header("Location", other.uri() + "/elsewhere");
              r.empty(307);
            }
          });
      other.on("GET /elsewhere", ScriptedRegistry.blob(bytes));
      byte[] came = remote(new Credentials("u", "p")).blob(descriptor(bytes), 1 << 20);
      assertArrayEquals(bytes, came);
      assertEquals(List.of(""), other.authorizations);
    }

    @Test
    void endlessRedirectsEnd() {
      registry.on(
          "GET /v2/a/b/manifests/1",
          (q, r) -> {
            r.header("Location", "/v2/a/b/manifests/1");
            r.empty(307);
          });
      Failure e = assertThrows(Failure.Internal.class, () -> remote().manifest("1"));
      assertTrue(e.text().contains("stopped after 10 redirects"), e.text());
    }

    @Test
    void loginTellsWrongFromRight() {
      registry.on(
          "GET /v2/",
          (q, r) -> {
            if (q.header("Authorization").orElse("").equals("Basic dTpw")) {
              r.send(200, "{}".getBytes(StandardCharsets.UTF_8));
            } else {
              r.header("WWW-Authenticate", "Basic realm=\"x\"");
              r.send(401, new byte[0]);
            }
          });
      Registries registries = new Registries(() -> options(Duration.ofSeconds(30)));
      assertEquals("", registries.login(registry.host(), new Credentials("u", "p")));
      assertThrows(
          Failure.Unauthorized.class,
          () -> registries.login(registry.host(), new Credentials("u", "q")));
    }
  }

  @Nested
  class Places {
    @Test
    void rewrittenNameIsTriedFirstAndItsFailureForgiven() {
      RegistryOptions.Rewrite rule =
          RegistryOptions.Rewrite.parse(registry.host() + "/a=" + other.host() + "/mirrored");
      Registries registries = new Registries(() -> options(Duration.ofSeconds(30), rule));
      ImageReference reference = ImageReference.parse(registry.host() + "/a/b:1");
      registry.manifest("a/b", "1", MANIFEST);
      Remote first = registries.toRead(reference, new Credentials("u", "p"));
      assertArrayEquals(MANIFEST, first.manifest("1").bytes());
      assertFalse(other.requests.isEmpty());
      other.manifest("mirrored/b", "1", MANIFEST);
      registry.requests.clear();
      assertArrayEquals(
          MANIFEST, registries.toRead(reference, new Credentials("u", "p")).manifest("1").bytes());
      assertEquals(List.of(), registry.requests);
      assertTrue(other.authorizations.stream().allMatch(String::isEmpty));
    }
  }

  @Nested
  class Writing {
    private final byte[] bytes = random(1000);
    private final ByteArrayOutputStream kept = new ByteArrayOutputStream();

    private BlobSource source() {
      return new BlobSource() {
        @Override
        public Digest digest() {
          return Digest.of(bytes);
        }

        @Override
        public long length() {
          return bytes.length;
        }

        @Override
        public InputStream open(long from, long length) {
          return new ByteArrayInputStream(bytes, (int) from, (int) length);
        }
      };
    }

    private void accepts() {
      registry.on(
          "POST /v2/a/b/blobs/uploads/",
          (q, r) -> {
            r.header("Location", "/v2/a/b/blobs/uploads/7?state=x");
            r.empty(202);
          });
      registry.on(
          "PUT /v2/a/b/blobs/uploads/7",
          (q, r) -> {
            assertEquals(Digest.of(bytes).toString(), q.parameter("digest").orElse(""));
            r.empty(201);
          });
    }

    private ScriptedRegistry.Answer takesPiece() {
      return (q, r) -> {
        kept.writeBytes(q.body().readAllBytes());
        r.header("Location", "/v2/a/b/blobs/uploads/7?state=y");
        r.empty(202);
      };
    }

    @Test
    void blobIsSent() {
      accepts();
      registry.on("PATCH /v2/a/b/blobs/uploads/7", takesPiece());
      remote().upload(source());
      assertArrayEquals(bytes, kept.toByteArray());
    }

    @Test
    void forgottenUploadBeginsAnew() {
      accepts();
      registry.onEach(
          "PATCH /v2/a/b/blobs/uploads/7",
          (q, r) -> {
            q.body().readAllBytes();
            r.send(404, ScriptedRegistry.error("BLOB_UPLOAD_UNKNOWN", "gone"));
          },
          takesPiece());
      remote().upload(source());
      assertArrayEquals(bytes, kept.toByteArray());
    }

    @Test
    void interruptedUploadGoesOnWhereTheRegistryIs() {
      accepts();
      registry.on(
          "GET /v2/a/b/blobs/uploads/7",
          (q, r) -> {
            r.header("Range", "0-599");
            r.empty(204);
          });
      registry.onEach(
          "PATCH /v2/a/b/blobs/uploads/7",
          (q, r) -> {
            kept.writeBytes(q.body().readNBytes(600));
            r.close();
            r.send(500, new byte[0]);
          },
          (q, r) -> {
            assertEquals("600-999", q.header("Content-Range").orElse(""));
            takesPiece().give(q, r);
          });
      remote().upload(source());
      assertArrayEquals(bytes, kept.toByteArray());
    }

    @Test
    void mountSaysWhetherItWorked() {
      registry.onEach(
          "POST /v2/a/b/blobs/uploads/",
          (q, r) -> {
            assertEquals("c", q.parameter("from").orElse(""));
            r.empty(201);
          },
          (q, r) -> {
            r.header("Location", "/v2/a/b/blobs/uploads/7");
            r.empty(202);
          });
      assertTrue(remote().mount(Digest.of(bytes), "c"));
      assertFalse(remote().mount(Digest.of(bytes), "c"));
      assertEquals("DELETE /v2/a/b/blobs/uploads/7", registry.requests.getLast());
    }

    /// The server answers before it has read anything, and Java's client reads after it has sent.
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void refusalInTheMiddleOfABodyIsRead(boolean closes) {
      registry.on(
          "PUT /v2/a/b/manifests/1",
          (q, r) -> {
            if (closes) {
              r.close();
            }
            r.send(413, ScriptedRegistry.error("SIZE_INVALID", "too large"));
          });
      for (int i = 0; i < 5; i++) {
        Failure e =
            assertThrows(
                Failure.InvalidRequest.class,
                () -> remote().putManifest("1", "application/x-any", new byte[8 << 20]));
        assertEquals("size invalid: too large", e.text());
      }
    }

    @Test
    void manifestIsStored() {
      registry.on(
          "PUT /v2/a/b/manifests/1",
          (q, r) -> {
            assertArrayEquals(MANIFEST, q.body().readAllBytes());
            r.empty(201);
          });
      remote().putManifest("1", "application/vnd.oci.image.manifest.v1+json", MANIFEST);
      assertEquals(List.of("PUT /v2/a/b/manifests/1"), registry.requests);
    }
  }
}
