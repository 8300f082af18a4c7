package dev.gantry.registry;

import dev.gantry.base.Ids;
import dev.gantry.json.Json;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;

/// Tells listeners by `POST` what happens, in the envelope of Docker's registry. In order, tried a
/// few times; a listener that stays away for long misses what is beyond the queue's bound.
final class Webhooks implements Events {
  private static final String TYPE = "application/vnd.docker.distribution.events.v1+json";
  private static final int MOST_WAITING = 1000;
  private static final int TRIES = 5;

  private final List<BlockingQueue<Json.JsonObject>> queues;

  Webhooks(List<URI> listeners) {
    HttpClient client = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(10)).build();
    queues =
        listeners.stream()
            .<BlockingQueue<Json.JsonObject>>map(
                uri -> {
                  BlockingQueue<Json.JsonObject> queue = new ArrayBlockingQueue<>(MOST_WAITING);
                  Thread.ofVirtual().name("webhook").start(() -> deliver(client, uri, queue));
                  return queue;
                })
            .toList();
  }

  @Override
  public void happened(
      String action, Call call, RepositoryName name, String reference, Optional<String> tag) {
    Json.JsonObject target = Json.object().put("repository", name.value()).put("digest", reference);
    tag.ifPresent(t -> target.put("tag", t));
    Json.JsonObject event =
        Json.object()
            .put("id", Ids.next())
            .put("timestamp", Instant.now().toString())
            .put("action", action)
            .put("target", target)
            .put(
                "request",
                Json.object()
                    .put("addr", call.request().peer())
                    .put("host", call.request().header("Host").orElse(""))
                    .put("method", call.request().method())
                    .put("useragent", call.request().header("User-Agent").orElse("")))
            .put("actor", Json.object().put("name", call.identity().user()));
    Json.JsonObject envelope = Json.object().put("events", Json.array().add(event));
    for (BlockingQueue<Json.JsonObject> queue : queues) {
      if (!queue.offer(envelope)) {
        queue.poll();
        boolean ignored = queue.offer(envelope);
      }
    }
  }

  private static void deliver(HttpClient client, URI uri, BlockingQueue<Json.JsonObject> queue) {
    try {
      while (true) {
        String body = queue.take().text();
        HttpRequest request =
            HttpRequest.newBuilder(uri)
                .timeout(Duration.ofSeconds(30))
                .header("Content-Type", TYPE)
                .POST(HttpRequest.BodyPublishers.ofString(body))
                .build();
        for (int i = 0; i < TRIES && !sent(client, request); i++) {
          Thread.sleep(Duration.ofMillis(200L << i));
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static boolean sent(HttpClient client, HttpRequest request) throws InterruptedException {
    try {
      return client.send(request, HttpResponse.BodyHandlers.discarding()).statusCode() < 400;
    } catch (IOException e) {
      return false;
    }
  }
}
