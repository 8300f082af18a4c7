package dev.gantry.cli;

import dev.gantry.cli.template.Scope;
import dev.gantry.cli.template.Template;
import dev.gantry.cli.template.TemplateException;
import dev.gantry.client.Query;
import dev.gantry.json.Json;
import java.util.List;
import java.util.Set;

/// `system df`.
final class DiskUsage {
  private static final Set<String> ALIVE = Set.of("running", "paused", "restarting");

  private DiskUsage() {}

  static Command command() {
    return Command.of(
        "[OPTIONS]",
        0,
        0,
        DiskUsage::run,
        Flag.format(' '),
        Flag.bool("verbose", 'v', "List every image, container and volume"));
  }

  private static int run(Session session, Words words) {
    String format = words.text("format", "");
    Json.JsonObject usage = Session.object(session.engine().get(Query.of("/system/df")));
    if (!words.on("verbose")) {
      summary(usage).print(session, format);
    } else if (format.isEmpty() || format.equals("table")) {
      verbose(session, usage);
    } else {
      templated(session, usage, format);
    }
    return 0;
  }

  private static Rows summary(Json.JsonObject usage) {
    Rows rows =
        new Rows("*formatter.diskUsageContext")
            .column("TYPE", "Type")
            .column("TOTAL", "TotalCount")
            .column("ACTIVE", "Active")
            .column("SIZE", "Size")
            .column("RECLAIMABLE", "Reclaimable");
    List<Json.JsonObject> images = usage.objects("Images");
    long layers = usage.number("LayersSize", 0);
    long used =
        images.stream()
            .filter(i -> i.number("Containers", 0) > 0)
            .mapToLong(i -> i.number("Size", 0) - Math.max(0, i.number("SharedSize", 0)))
            .sum();
    long active = images.stream().filter(i -> i.number("Containers", 0) > 0).count();
    rows.add(row("Images", images.size(), active, layers, layers - used, layers > 0));

    List<Json.JsonObject> containers = usage.objects("Containers");
    long size = containers.stream().mapToLong(c -> c.number("SizeRw", 0)).sum();
    List<Json.JsonObject> running =
        containers.stream().filter(c -> ALIVE.contains(c.string("State", ""))).toList();
    long held = running.stream().mapToLong(c -> c.number("SizeRw", 0)).sum();
    rows.add(row("Containers", containers.size(), running.size(), size, size - held, size > 0));

    List<Json.JsonObject> volumes = usage.objects("Volumes");
    long all = volumes.stream().mapToLong(DiskUsage::size).sum();
    List<Json.JsonObject> linked = volumes.stream().filter(v -> links(v) > 0).toList();
    long kept = linked.stream().mapToLong(DiskUsage::size).sum();
    rows.add(row("Local Volumes", volumes.size(), linked.size(), all, all - kept, all > 0));

    List<Json.JsonObject> cache = usage.objects("BuildCache");
    // what an image has too is that image's
    long cached =
        cache.stream()
            .filter(c -> !c.bool("Shared", false))
            .mapToLong(c -> c.number("Size", 0))
            .sum();
    long inUse = cache.stream().filter(c -> c.bool("InUse", false)).count();
    long free =
        cache.stream()
            .filter(c -> !c.bool("InUse", false) && !c.bool("Shared", false))
            .mapToLong(c -> c.number("Size", 0))
            .sum();
    rows.add(row("Build Cache", cache.size(), inUse, cached, free, false));
    return rows;
  }

  private static long size(Json.JsonObject volume) {
    return Math.max(0, volume.object("UsageData").map(u -> u.number("Size", 0)).orElse(0L));
  }

  private static long links(Json.JsonObject volume) {
    return volume.object("UsageData").map(u -> u.number("RefCount", 0)).orElse(0L);
  }

  private static Json.JsonObject row(
      String type, long total, long active, long size, long reclaimable, boolean share) {
    long free = Math.max(0, reclaimable);
    String text = Humans.size(free, 4);
    return Json.object()
        .put("Type", type)
        .put("TotalCount", Long.toString(total))
        .put("Active", Long.toString(active))
        .put("Size", Humans.size(size, 4))
        .put("Reclaimable", share ? text + " (" + free * 100 / size + "%)" : text);
  }

  // ---- -v ----

  private static Rows images(Json.JsonObject usage) {
    Rows rows =
        new Rows("*formatter.imageContext")
            .column("REPOSITORY", "Repository")
            .column("TAG", "Tag")
            .column("IMAGE ID", "ID")
            .column("CREATED", "CreatedSince")
            .column("SIZE", "Size")
            .column("SHARED SIZE", "SharedSize")
            .column("UNIQUE SIZE", "UniqueSize")
            .column("CONTAINERS", "Containers");
    usage.objects("Images").stream()
        .sorted((a, b) -> Long.compare(b.number("Created", 0), a.number("Created", 0)))
        .forEach(image -> rows.add(Images.rows(image, false, false).getFirst()));
    return rows;
  }

  private static Rows containers(Json.JsonObject usage) {
    Rows rows =
        new Rows("*formatter.ContainerContext")
            .column("CONTAINER ID", "ID")
            .column("IMAGE", "Image")
            .column("COMMAND", "Command")
            .column("LOCAL VOLUMES", "LocalVolumes")
            .column("SIZE", "Size")
            .column("CREATED", "RunningFor")
            .column("STATUS", "Status")
            .column("NAMES", "Names");
    for (Json.JsonObject container : usage.objects("Containers")) {
      Json.JsonObject row = ContainerList.row(container, false);
      rows.add(row.put("Size", Humans.size(container.number("SizeRw", 0))));
    }
    return rows;
  }

  private static Rows volumes(Json.JsonObject usage) {
    Rows rows =
        new Rows("*formatter.volumeContext")
            .column("VOLUME NAME", "Name")
            .column("LINKS", "Links")
            .column("SIZE", "Size");
    usage.objects("Volumes").forEach(volume -> rows.add(Volumes.row(volume)));
    return rows;
  }

  private static Rows cache(Json.JsonObject usage) {
    Rows rows =
        new Rows("*formatter.buildCacheContext")
            .column("CACHE ID", "ID")
            .column("CACHE TYPE", "CacheType")
            .column("SIZE", "Size")
            .column("CREATED", "CreatedSince")
            .column("LAST USED", "LastUsedSince")
            .column("USAGE", "UsageCount")
            .column("SHARED", "Shared");
    for (Json.JsonObject entry : usage.objects("BuildCache")) {
      String id = entry.string("ID", "");
      rows.add(
          Json.object()
              .put("ID", id.substring(0, Math.min(12, id.length())))
              .put("CacheType", entry.string("Type", ""))
              .put("Size", Humans.size(entry.number("Size", 0)))
              .put("CreatedSince", entry.string("CreatedAt", ""))
              .put("LastUsedSince", entry.string("LastUsedAt", ""))
              .put("UsageCount", Long.toString(entry.number("UsageCount", 0)))
              .put("Shared", Boolean.toString(entry.bool("Shared", false))));
    }
    return rows;
  }

  private static void verbose(Session session, Json.JsonObject usage) {
    session.out().println("Images space usage:\n");
    images(usage).print(session, "");
    session.out().println("\nContainers space usage:\n");
    containers(usage).print(session, "");
    session.out().println("\nLocal Volumes space usage:\n");
    volumes(usage).print(session, "");
    long cached = usage.objects("BuildCache").stream().mapToLong(c -> c.number("Size", 0)).sum();
    session.out().println("\nBuild cache usage: " + Humans.size(cached, 4) + "\n");
    cache(usage).print(session, "");
  }

  private static void templated(Session session, Json.JsonObject usage, String format) {
    Json.JsonObject all =
        Json.object()
            .put("Images", images(usage).json())
            .put("Containers", containers(usage).json())
            .put("Volumes", volumes(usage).json())
            .put("BuildCache", cache(usage).json());
    try {
      Template template =
          Template.parse("", format.equals("json") ? "{{json .}}" : Rows.escapes(format));
      session.out().print(template.apply(all, Scope.struct("*formatter.diskUsageContext")));
      if (format.equals("json")) {
        session.out().println();
      }
    } catch (TemplateException e) {
      throw new Exit(1, "failed to execute template: " + e.text());
    }
  }
}
