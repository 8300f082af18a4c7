package dev.gantry.cli;

import dev.gantry.grpc.GrpcException;
import dev.gantry.grpc.Message;
import dev.gantry.json.Json;
import java.util.Base64;
import java.util.List;

/// What a build said (`StatusResponse`) as JSON, as Docker's clients write it with `rawjson`.
final class StatusJson {
  private StatusJson() {}

  static Json.JsonObject of(Message status) {
    try {
      Json.JsonObject all = Json.object();
      put(all, "vertexes", status.messages(1), StatusJson::vertex);
      put(all, "statuses", status.messages(2), StatusJson::part);
      put(all, "logs", status.messages(3), StatusJson::log);
      put(all, "warnings", status.messages(4), StatusJson::warning);
      return all;
    } catch (GrpcException e) {
      throw new Exit(1, e.text());
    }
  }

  @FunctionalInterface
  private interface Shape {
    Json.JsonObject of(Message message) throws GrpcException;
  }

  private static void put(Json.JsonObject all, String name, List<Message> messages, Shape shape)
      throws GrpcException {
    if (messages.isEmpty()) {
      return;
    }
    Json.JsonArray list = Json.array();
    for (Message message : messages) {
      list.add(shape.of(message));
    }
    all.put(name, list);
  }

  private static Json.JsonObject vertex(Message vertex) throws GrpcException {
    Json.JsonObject json = Json.object().put("digest", vertex.text(1)).put("name", vertex.text(3));
    time(json, "started", vertex, 5);
    time(json, "completed", vertex, 6);
    if (vertex.flag(4)) {
      json.put("cached", true);
    }
    if (!vertex.text(7).isEmpty()) {
      json.put("error", vertex.text(7));
    }
    return json;
  }

  private static Json.JsonObject part(Message part) throws GrpcException {
    Json.JsonObject json = Json.object().put("id", part.text(1)).put("vertex", part.text(2));
    if (!part.text(3).isEmpty()) {
      json.put("name", part.text(3));
    }
    if (part.number(5) != 0) {
      json.put("total", part.number(5));
    }
    json.put("current", part.number(4));
    time(json, "timestamp", part, 6);
    time(json, "started", part, 7);
    time(json, "completed", part, 8);
    return json;
  }

  private static Json.JsonObject log(Message log) throws GrpcException {
    Json.JsonObject json =
        Json.object()
            .put("vertex", log.text(1))
            .put("stream", log.number(3))
            .put("data", Base64.getEncoder().encodeToString(log.bytes(4)));
    time(json, "timestamp", log, 2);
    return json;
  }

  private static Json.JsonObject warning(Message warning) {
    return Json.object()
        .put("vertex", warning.text(1))
        .put("level", warning.number(2))
        .put("short", Base64.getEncoder().encodeToString(warning.bytes(3)));
  }

  private static void time(Json.JsonObject json, String name, Message of, int field)
      throws GrpcException {
    BuildRecord.time(of, field).ifPresent(when -> json.put(name, when.toString()));
  }
}
