package dev.gantry.registry;

import dev.gantry.base.Failure;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;

/// The users of an htpasswd file with bcrypt hashes. A changed file counts from the next look on.
///
/// To check a hash costs tens of milliseconds, so what was right is remembered for a while (by a
/// keyed digest), and only a few are checked at a time.
final class Passwords {
  private static final long REMEMBERED_NANOS = 300_000_000_000L;
  private static final int MOST_REMEMBERED = 10_000;
  // for names that are not there: the answer takes as long as for those that are
  private static final String NOBODY =
      "$2y$05$......................CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC";

  private final Path file;
  private final byte[] salt = new byte[32];
  private final Map<String, Long> remembered = new ConcurrentHashMap<>();
  private final Semaphore checks = new Semaphore(2);
  private volatile Map<String, String> hashes = Map.of();
  private volatile Optional<FileTime> read = Optional.empty();

  Passwords(Path file) {
    this.file = file;
    new SecureRandom().nextBytes(salt);
    refresh();
  }

  private void refresh() {
    try {
      FileTime changed = Files.getLastModifiedTime(file);
      if (read.filter(changed::equals).isPresent()) {
        return;
      }
      Map<String, String> fresh = new LinkedHashMap<>();
      for (String line : Files.readAllLines(file)) {
        int colon = line.indexOf(':');
        if (line.isBlank() || line.startsWith("#")) {
          continue;
        }
        String hash = line.substring(colon + 1).strip();
        if (colon <= 0 || !Bcrypt.isHash(hash)) {
          throw new Failure.InvalidRequest(
              "the password of "
                  + (colon > 0 ? line.substring(0, colon) : "a line")
                  + " in "
                  + file
                  + " is no bcrypt hash (htpasswd -B makes them)");
        }
        fresh.put(line.substring(0, colon), hash);
      }
      hashes = fresh;
      remembered.clear();
      read = Optional.of(changed);
    } catch (IOException e) {
      if (read.isEmpty()) {
        throw new Failure.InvalidRequest("could not read the password file " + file, null, e);
      }
    } catch (Failure.InvalidRequest e) {
      if (read.isEmpty()) {
        throw e; // while running, the last good state counts
      }
    }
  }

  /// True if the user exists and this is the password.
  boolean accept(String user, String password) {
    refresh();
    String key = key(user, password);
    Long until = remembered.get(key);
    if (until != null && System.nanoTime() - until < 0) {
      return true;
    }
    String hash = hashes.get(user);
    checks.acquireUninterruptibly();
    try {
      if (!Bcrypt.matches(password, hash == null ? NOBODY : hash) || hash == null) {
        return false;
      }
    } finally {
      checks.release();
    }
    if (remembered.size() >= MOST_REMEMBERED) {
      remembered.clear();
    }
    remembered.put(key, System.nanoTime() + REMEMBERED_NANOS);
    return true;
  }

  private String key(String user, String password) {
    var digest = ContentDigest.hasher(ContentDigest.SHA256);
    digest.update(salt);
    digest.update((user.length() + ":" + user + password).getBytes(StandardCharsets.UTF_8));
    return Base64.getEncoder().encodeToString(digest.digest());
  }
}
