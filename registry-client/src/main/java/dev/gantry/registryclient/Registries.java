package dev.gantry.registryclient;

import dev.gantry.base.Failure;
import dev.gantry.oci.ImageReference;
import dev.gantry.registryclient.Wire.Answer;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// The registries of the world, as this engine's settings let it see them. Settings may change
/// while it works: what begins later follows them. Thread-safe.
public final class Registries {
  private static final String HUB_INDEX = "index.docker.io";
  private static final int MAX_CATALOG = 10_000;

  private final Supplier<RegistryOptions> options;
  private @Nullable Wire wire;

  public Registries(Supplier<RegistryOptions> options) {
    this.options = options;
  }

  private synchronized Wire wire() {
    Wire present = wire;
    if (present == null || !present.options().equals(options.get())) {
      present = new Wire(options.get());
      wire = present;
    }
    return present;
  }

  /// The repository of `reference`, to read from.
  public Remote toRead(ImageReference reference, Credentials credentials) {
    Wire w = wire();
    return new Remote(w, Endpoint.of(reference, w.options()), credentials);
  }

  /// The repository of `reference`, to write to: no mirror, no rewriting.
  public Remote toWrite(ImageReference reference, Credentials credentials) {
    Wire w = wire();
    return new Remote(w, Endpoint.origin(reference, w.options()), credentials);
  }

  /// The same at a registry where plain HTTP and unknown certificates are accepted this time.
  public Remote toWriteInsecurely(ImageReference reference, Credentials credentials) {
    Wire w = wire();
    RegistryOptions once = w.options().withInsecure(reference.domain());
    return new Remote(w, Endpoint.origin(reference, once), credentials);
  }

  /// The same to read from.
  public Remote toReadInsecurely(ImageReference reference, Credentials credentials) {
    Wire w = wire();
    RegistryOptions once = w.options().withInsecure(reference.domain());
    return new Remote(w, Endpoint.of(reference, once), credentials);
  }

  /// The repository `path` of the registry at `base`, and nowhere else.
  public Remote at(URI base, String path, Credentials credentials) {
    Wire w = wire();
    boolean insecure = w.options().isInsecure(String.valueOf(base.getAuthority()));
    return new Remote(w, List.of(new Endpoint(base, path, false, insecure)), credentials);
  }

  // ---- login

  /// Shows credentials to a registry.
  ///
  /// @param server as users write it; empty for Docker Hub
  /// @return an identity token to keep in the place of the password; empty if it gave none
  /// @throws Failure.Unauthorized if they are not good there
  public String login(String server, Credentials credentials) {
    String host = host(server);
    Wire w = wire();
    ImageReference any = new ImageReference(host, "x", null, null);
    Trouble last = null;
    for (Endpoint e : Endpoint.origin(any, w.options())) {
      Session session = new Session(w, e.base(), e.insecure(), credentials);
      URI ping = URI.create(e.base() + "/v2/");
      try (Answer answer = session.send("GET", ping, Map.of(), null, List.of())) {
        if (answer.status() == 401) {
          throw rejected(ping);
        }
        if (!answer.isGood()) {
          throw Refusal.of(
              answer.status(), answer.headers(), answer.start(), "Get \"" + ping + "\"");
        }
        return session.identityToken();
      } catch (Trouble trouble) {
        if (trouble.failure() instanceof Failure.Unauthorized) {
          throw new Failure.Unauthorized("Get \"" + ping + "\": " + trouble.failure().text());
        }
        last = trouble;
      }
    }
    throw last == null ? new Failure.Internal("no registry") : last.failure();
  }

  private static Failure.Unauthorized rejected(URI ping) {
    return new Failure.Unauthorized(
        "login attempt to " + ping + " failed with status: 401 Unauthorized");
  }

  /// The host that a login's server address means.
  static String host(String server) {
    String text = server.replaceFirst("^https?://", "").replaceFirst("/.*$", "");
    if (text.isEmpty() || text.equals(HUB_INDEX) || text.equals("docker.io")) {
      return "docker.io";
    }
    int bad = badCharacter(text);
    if (bad >= 0) {
      throw new Failure.InvalidRequest(
          "unable to parse server address: parse \"https://"
              + server
              + "\": invalid character \""
              + text.charAt(bad)
              + "\" in host name");
    }
    return text;
  }

  private static int badCharacter(String host) {
    for (int i = 0; i < host.length(); i++) {
      char c = host.charAt(i);
      if (!Character.isLetterOrDigit(c) && ".-:[]_".indexOf(c) < 0) {
        return i;
      }
    }
    return -1;
  }

  // ---- search

  /// A found repository.
  public record Found(String name, String description, long stars, boolean official) {}

  /// Searches Docker Hub, or the registry that `term` begins with (`host:port/word`). A registry
  /// that cannot search is asked for its catalog.
  public List<Found> search(String term, int limit, Credentials credentials) {
    int slash = term.indexOf('/');
    String first = slash < 0 ? "" : term.substring(0, slash);
    boolean named = first.contains(".") || first.contains(":") || first.equals("localhost");
    String host = named ? host(first) : HUB_INDEX;
    String words = named ? term.substring(slash + 1) : term;
    Wire w = wire();
    Trouble last = null;
    for (Endpoint e : Endpoint.origin(new ImageReference(host, "x", null, null), w.options())) {
      Session session = new Session(w, e.base(), e.insecure(), credentials);
      try {
        return search(session, e.base(), words, limit);
      } catch (Trouble trouble) {
        if (trouble.failure() instanceof Failure.NotFound && named) {
          return catalog(session, e.base(), words, limit);
        }
        last = trouble;
      }
    }
    throw last == null ? new Failure.Internal("no registry") : last.failure();
  }

  private static List<Found> search(Session session, URI base, String words, int limit) {
    URI uri =
        URI.create(
            base
                + "/v1/search?q="
                + URLEncoder.encode(words, StandardCharsets.UTF_8)
                + "&n="
                + limit);
    try (Answer answer = session.send("GET", uri, Map.of(), null, List.of())) {
      if (!answer.isGood()) {
        throw Refusal.of(answer.status(), answer.headers(), answer.start(), "Get \"" + uri + "\"");
      }
      return Remote.json(answer).objects("results").stream()
          .limit(limit)
          .map(
              r ->
                  new Found(
                      r.string("name", ""),
                      r.string("description", ""),
                      r.number("star_count", 0),
                      r.bool("is_official", false)))
          .toList();
    } catch (IOException e) {
      throw new Failure.Internal("Get \"" + uri + "\": " + e.getMessage(), e);
    }
  }

  private static List<Found> catalog(Session session, URI base, String words, int limit) {
    List<Found> found = new ArrayList<>();
    URI next = URI.create(base + "/v2/_catalog");
    int seen = 0;
    while (found.size() < limit && seen < MAX_CATALOG) {
      URI here = next;
      try (Answer answer =
          session.send("GET", here, Map.of(), null, List.of("registry:catalog:*"))) {
        if (!answer.isGood()) {
          throw Refusal.of(
                  answer.status(), answer.headers(), answer.start(), "Get \"" + here + "\"")
              .failure();
        }
        for (String name : Remote.json(answer).strings("repositories")) {
          seen++;
          if (name.contains(words.toLowerCase(Locale.ROOT)) && found.size() < limit) {
            found.add(new Found(base.getAuthority() + "/" + name, "", 0, false));
          }
        }
        var more = Remote.next(answer.header("Link"), here);
        if (more.isEmpty()) {
          break;
        }
        next = more.get();
      } catch (IOException e) {
        throw new Failure.Internal("Get \"" + here + "\": " + e.getMessage(), e);
      }
    }
    return found;
  }
}
