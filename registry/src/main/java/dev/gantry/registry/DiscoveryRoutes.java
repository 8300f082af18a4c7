package dev.gantry.registry;

import dev.gantry.json.Json;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Lists: tags, repositories, referrers, and Docker Hub's search.
final class DiscoveryRoutes {
  private static final int TAGS = 10_000;
  private static final int REPOSITORIES = 100;
  private static final int REFERRERS = 1000;
  private static final int REFERRERS_BYTES = 3 << 20;

  private final Manifests manifests;
  private final Catalog catalog;
  private final Guard guard;
  private final Optional<PullThrough> cache;

  DiscoveryRoutes(Manifests manifests, Catalog catalog, Guard guard, Optional<PullThrough> cache) {
    this.manifests = manifests;
    this.catalog = catalog;
    this.guard = guard;
    this.cache = cache;
  }

  private static void onlyRead(Call call) {
    if (!call.request().method().equals("GET") && !call.response().isHead()) {
      throw Registry.unsupported(call);
    }
  }

  void tags(Call call, RepositoryName name) throws IOException {
    onlyRead(call);
    guard.require(call, name, Right.PULL);
    Call.Page page = call.page(TAGS);
    if (cache.isPresent() && cache.get().covers(name)) {
      Optional<Json.JsonObject> upstream = cache.get().tags(name, call.request());
      if (upstream.isPresent()) {
        call.json(200, upstream.get());
        return;
      }
    }
    if (!manifests.exists(name)) {
      throw new RegistryError(
          ErrorCode.NAME_UNKNOWN,
          404,
          "repository name not known to registry",
          Json.object().put("name", name.value()));
    }
    List<String> tags = new ArrayList<>(manifests.tags(name, page.after(), page.size() + 1));
    if (tags.size() > page.size()) {
      tags.removeLast();
      if (!tags.isEmpty()) {
        call.linkNext("/v2/" + name + "/tags/list", page.size(), tags.getLast());
      }
    }
    Json.JsonArray list = Json.array();
    tags.forEach(list::add);
    call.json(200, Json.object().put("name", name.value()).put("tags", list));
  }

  void catalog(Call call) throws IOException {
    onlyRead(call);
    guard.requireCatalog(call);
    Call.Page page = call.page(REPOSITORIES);
    Json.JsonArray list = Json.array();
    String last = page.after();
    boolean more = false;
    for (RepositoryName name : catalog.all()) {
      if (name.value().compareTo(page.after()) > 0 && guard.maySee(call.identity(), name)) {
        if (list.size() >= page.size()) {
          more = true;
          break;
        }
        list.add(name.value());
        last = name.value();
      }
    }
    if (more && !list.isEmpty()) {
      call.linkNext("/v2/_catalog", page.size(), last);
    }
    call.json(200, Json.object().put("repositories", list));
  }

  void referrers(Call call, RepositoryName name, ContentDigest subject) throws IOException {
    onlyRead(call);
    guard.require(call, name, Right.PULL);
    Optional<String> type = call.request().parameter("artifactType").filter(t -> !t.isEmpty());
    if (type.isPresent()) {
      call.response().header("OCI-Filters-Applied", "artifactType");
    }
    Call.Page page = call.page(REFERRERS);
    Json.JsonArray list = Json.array();
    int bytes = 0;
    String last = "";
    boolean passed = page.after().isEmpty();
    for (Json.JsonObject descriptor : manifests.referrers(name, subject)) {
      String digest = descriptor.string("digest", "");
      if (!passed) {
        passed = digest.equals(page.after());
        continue;
      }
      if (type.isPresent() && !descriptor.string("artifactType", "").equals(type.get())) {
        continue;
      }
      bytes += descriptor.text().length();
      if (list.size() >= page.size() || bytes > REFERRERS_BYTES) {
        String filter = type.isPresent() ? "&artifactType=" + encode(type.get()) : "";
        call.response()
            .header(
                "Link",
                "</v2/%s/referrers/%s?n=%d&last=%s%s>; rel=\"next\""
                    .formatted(name, subject, page.size(), last, filter));
        break;
      }
      list.add(descriptor);
      last = digest;
    }
    call.json(
        200,
        MediaTypes.OCI_INDEX,
        Json.object()
            .put("schemaVersion", 2)
            .put("mediaType", MediaTypes.OCI_INDEX)
            .put("manifests", list));
  }

  private static String encode(String text) {
    return java.net.URLEncoder.encode(text, java.nio.charset.StandardCharsets.UTF_8);
  }

  /// Docker Hub's search over our names, for `docker search`.
  void search(Call call) throws IOException {
    onlyRead(call);
    String wanted = call.request().parameter("q").orElse("");
    int size = Math.min(call.page(25).size(), 100);
    Json.JsonArray results = Json.array();
    for (RepositoryName name : catalog.all()) {
      if (results.size() < size
          && name.value().contains(wanted)
          && guard.maySee(call.identity(), name)) {
        results.add(
            Json.object()
                .put("name", name.value())
                .put("description", "")
                .put("star_count", 0)
                .put("is_official", false)
                .put("is_automated", false));
      }
    }
    call.json(
        200,
        Json.object()
            .put("num_pages", 1)
            .put("page", 1)
            .put("page_size", size)
            .put("num_results", results.size())
            .put("query", wanted)
            .put("results", results));
  }
}
