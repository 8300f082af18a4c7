package dev.gantry.buildkit;

import dev.gantry.base.Failure;
import dev.gantry.build.BuildClient;
import dev.gantry.build.BuildContext;
import dev.gantry.build.BuildFailure;
import dev.gantry.build.BuildRequest;
import dev.gantry.build.Builder;
import dev.gantry.build.Cancellation;
import dev.gantry.build.GitSource;
import dev.gantry.build.KeptContexts;
import dev.gantry.build.Material;
import dev.gantry.build.PlatformBuild;
import dev.gantry.build.ScanTargets;
import dev.gantry.build.Source;
import dev.gantry.dockerfile.BuildChecks;
import dev.gantry.dockerfile.Dockerfile;
import dev.gantry.dockerfile.FrontendImage;
import dev.gantry.dockerfile.IgnoreFile;
import dev.gantry.dockerfile.Instruction;
import dev.gantry.dockerfile.ParseFailure;
import dev.gantry.dockerfile.Warning;
import dev.gantry.grpc.Call;
import dev.gantry.grpc.GrpcException;
import dev.gantry.grpc.Message;
import dev.gantry.images.Image;
import dev.gantry.images.Images;
import dev.gantry.kernel.Tree;
import dev.gantry.oci.Digest;
import dev.gantry.oci.ImageReference;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// `LLBBridge.Solve` with the frontend `dockerfile.v0`: finds the Dockerfile, plans the build, and
/// leaves the rest until somebody asks for the result.
final class Frontend {
  private static final int MAX_DOCKERFILE = 1 << 20;
  private static final int MOST_FOLLOWED = 500;

  /// What stands in the place of an image: another, or the result of another build.
  private static final String IMAGE = "docker-image://";

  private static final String INPUT = "input:";

  /// An image in a layout of the client: `oci-layout://STORE:TAG@DIGEST`.
  private static final String LAYOUT = "oci-layout://";

  /// A context that the client has on its standard input.
  private static final String UPLOAD = "http://buildkit-session";

  /// A warning with its rule and line.
  private static final Pattern LATE =
      Pattern.compile("(InvalidBaseImagePlatform): .*\\(line ([0-9]{1,6})\\)");

  /// What a frontend needs of the builder.
  ///
  /// @param inputs results of other builds, by their ids
  record Needs(
      Builder builder,
      KeptContexts contexts,
      Sessions sessions,
      Caching caching,
      Bases bases,
      Inputs inputs,
      Images images) {}

  /// Finds images for one client.
  @FunctionalInterface
  interface Bases {
    /// @throws Failure if there is none
    ///
    /// @param cancellation of the build that waits for it
    Image find(
        String name,
        dev.gantry.oci.Platform platform,
        boolean pull,
        Session client,
        Cancellation cancellation);
  }

  /// Finds results of other builds.
  @FunctionalInterface
  interface Inputs {
    Optional<Result> find(String id);
  }

  private final Needs needs;
  private final OneBuild build;
  private final Options options;
  private List<String> ignoring = List.of();
  private Optional<Progress.Vertex> definition = Optional.empty();
  private final List<LocalSource> sources = new ArrayList<>();
  private final List<KeptContexts.Held> held = new ArrayList<>();
  private final Set<Call> transfers = ConcurrentHashMap.newKeySet(); // of this build's folders
  private final PassingImages passing;
  private final Map<String, Result> standsOn = new ConcurrentHashMap<>();
  private volatile @Nullable Files read;
  private volatile @Nullable GrpcException inputFailure;
  private final Map<String, String> aliases = new LinkedHashMap<>();
  private final Map<String, FutureTask<Image>> images = new ConcurrentHashMap<>();

  /// @param inputs ids of results by the names that contexts use
  Frontend(Needs needs, OneBuild build, Options options, Map<String, String> inputs) {
    this.needs = needs;
    this.build = build;
    this.options = options;
    this.passing = new PassingImages(needs.images());
    inputs.forEach(
        (name, id) ->
            needs
                .inputs()
                .find(id)
                .filter(Result::hold)
                .ifPresent(result -> standsOn.put(name, result)));
  }

  private record Files(String name, byte[] dockerfile, Optional<String> ignored) {}

  /// What the client gets: a plan of which nothing has run, or the answer to a question about the
  /// Dockerfile.
  ///
  /// @param planned takes the plan
  Message solve(Planned planned) throws GrpcException {
    boolean kept = false;
    try {
      Optional<Source> remote = remote();
      boolean given = remote.isEmpty() || options.has("dockerfilekey"); // -f - with a URL
      Files files = given ? local() : inside(remote.get());
      read = files;
      SourceErrors errors = new SourceErrors(files.name(), files.dockerfile());
      try {
        String text = new String(files.dockerfile(), StandardCharsets.UTF_8);
        FrontendImage.check(text, options.text("source"));
        Dockerfile file = Dockerfile.parse(text).withChecksOf(options.arguments());
        if (remote.isEmpty()) {
          ignoring = patterns(ignored(files.ignored()));
        }
        Source context = remote.isPresent() ? remote.get() : context(file, ignoring);
        List<Warning> warnings = check(file, files);
        String request = options.text("requestid");
        if (!request.isEmpty()) {
          return new Subrequests(files.name(), files.dockerfile(), file, warnings)
              .answer(request, options.text("target"), options.below("build-arg:"));
        }
        warn(files, warnings);
        Optional<String> refusal = file.refusal(warnings);
        if (refusal.isPresent()) {
          throw new GrpcException(GrpcException.UNKNOWN, refusal.get());
        }
        Result result = plan(file, context, errors, text);
        kept = true;
        planned.take(result);
        Message ref = new Message().text(1, result.id()).message(2, Definitions.of(result.id()));
        return new Message().message(3, new Message().message(3, ref));
      } catch (ParseFailure e) {
        throw errors.of(e);
      } catch (BuildFailure e) {
        throw errors.of(e);
      }
    } catch (Failure e) {
      throw new GrpcException(GrpcException.UNKNOWN, e.text());
    } catch (IOException e) {
      throw new GrpcException(GrpcException.UNKNOWN, String.valueOf(e.getMessage()));
    } finally {
      if (!kept) {
        close();
      }
    }
  }

  /// Takes a plan.
  @FunctionalInterface
  interface Planned {
    void take(Result result) throws GrpcException;
  }

  // ---- checks

  private List<Warning> check(Dockerfile file, Files files) throws ParseFailure {
    return BuildChecks.of(
        file,
        new String(files.dockerfile(), StandardCharsets.UTF_8),
        options.below("build-arg:"),
        IgnoreFile.of(ignoring),
        name -> Builder.variables(needs.images(), name));
  }

  private void warn(Files files, List<Warning> warnings) {
    for (Warning w : warnings) {
      warn(files, w.text(), w.description(), Subrequests.url(w.rule()), w.line());
    }
  }

  /// What the build finds out only while it runs: a rule's name, a colon, and what is wrong.
  ///
  /// @return whether it is that
  private boolean warned(String text) {
    Matcher m = LATE.matcher(text);
    Files files = read;
    if (files == null || !m.matches()) {
      return false;
    }
    String rule = m.group(1);
    warn(files, text, "", Subrequests.url(rule), Integer.parseInt(m.group(2)));
    return true;
  }

  private void warn(Files files, String text, String description, String url, int number) {
    Message line = new Message().message(1, at(number)).message(2, at(number));
    Message warning =
        new Message()
            .number(2, 1)
            .text(3, text)
            .text(4, description)
            .text(5, url)
            .message(6, new Message().text(1, files.name()).bytes(2, files.dockerfile()))
            .message(7, line);
    definition.ifPresent(v -> v.warn(warning));
  }

  private static Message at(int line) {
    return new Message().number(1, line);
  }

  private Result plan(Dockerfile file, Source context, SourceErrors errors, String text)
      throws GrpcException, IOException, BuildFailure {
    Session client = needs.sessions().await(build.request().session());
    BuildRequest request =
        BuildRequest.of(file, context)
            .contexts(contexts())
            .images(replaced())
            .target(options.text("target"))
            .platform(options.platforms().getFirst())
            .text(text)
            .cacheFrom(needs.caching().sources(build.request(), options, client))
            .arguments(arguments())
            .labels(options.below("label:"))
            .noCache(options.noCache(), options.noCacheStages())
            .pull(options.text("image-resolve-mode").equals("pull"))
            .host(options.host())
            .entitlements(build.request().entitlements())
            .client(build.request().policy().over(build.client(client)))
            .done();
    PlatformBuild run =
        needs
            .builder()
            .plan(options.platforms().stream().map(request::withPlatform).toList(), bases(client));
    StepProgress steps =
        StepProgress.of(
            build.progress(), file, options.below("build-arg:"), aliases(), this::warned);
    return new Result(
        OneBuild.newId(),
        run,
        steps,
        e -> inputFailure == null ? errors.of(e) : inputFailure,
        new PassingImages(needs.images()),
        this::close);
  }

  private Builder.BaseImages bases(Session client) {
    return new Builder.BaseImages() {
      @Override
      public Image find(
          String name, dev.gantry.oci.Platform platform, boolean pull, Cancellation cancellation) {
        return base(name, platform, pull, client, cancellation);
      }

      @Override
      public Optional<List<Material>> materials(String name) {
        return name.startsWith(INPUT)
            ? Optional.ofNullable(standsOn.get(name.substring(INPUT.length())))
                .map(Result::materials)
            : Optional.empty();
      }
    };
  }

  /// Build arguments; an output may say the date, too.
  private Map<String, String> arguments() {
    Map<String, String> all = options.arguments();
    for (SolveRequest.Exporter exporter : build.request().exporters()) {
      String date = exporter.attributes().getOrDefault("source-date-epoch", "");
      if (!date.isEmpty()) {
        all.putIfAbsent("SOURCE_DATE_EPOCH", date);
      }
    }
    return all;
  }

  private void close() {
    sources.forEach(LocalSource::close);
    held.forEach(KeptContexts.Held::close);
    passing.close();
    standsOn.values().forEach(Result::release);
    standsOn.clear();
  }

  // ---- images

  private Image base(
      String name,
      dev.gantry.oci.Platform platform,
      boolean pull,
      Session client,
      Cancellation cancellation) {
    String alias = alias(name);
    if (alias.startsWith(INPUT)) {
      return input(alias.substring(INPUT.length()), platform);
    }
    if (alias.startsWith(LAYOUT)) {
      return layout(alias, platform);
    }
    String image = allowed(alias.isEmpty() ? name : alias.substring(IMAGE.length()));
    String context = alias.isEmpty() ? "" : "context " + name;
    FutureTask<Image> task =
        new FutureTask<>(() -> resolve(image, context, platform, pull, client, cancellation));
    FutureTask<Image> known = images.putIfAbsent(image + " " + platform, task);
    if (known == null) {
      task.run();
    }
    try {
      return (known == null ? task : known).get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof Failure failure) {
        throw failure;
      }
      throw new Failure.Internal("could not find " + image + ": " + e.getCause(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Failure.Cancelled("interrupted while finding " + image);
    }
  }

  private boolean several() {
    return options.text("platform").indexOf(',') >= 0;
  }

  /// The image that the client's policy lets stand for `image`.
  private String allowed(String image) {
    String source = IMAGE + StepProgress.full(image);
    String found = build.request().policy().apply(source);
    if (found.equals(source)) {
      return image;
    }
    if (!found.startsWith(IMAGE)) {
      throw new Failure.InvalidRequest("the source policy makes no image of " + image);
    }
    return found.substring(IMAGE.length());
  }

  /// @param context the named context that stands for it; empty for none
  private Image resolve(
      String image,
      String context,
      dev.gantry.oci.Platform platform,
      boolean pull,
      Session client,
      Cancellation cancellation) {
    String who = context.isEmpty() ? (several() ? platform + " " : "") + "internal" : context;
    Progress.Vertex vertex =
        build
            .progress()
            .vertex("[" + who + "] load metadata for " + StepProgress.full(image))
            .start();
    try {
      Image found = needs.bases().find(image, platform, pull, client, cancellation);
      vertex.done();
      return found;
    } catch (Failure e) {
      String text = image + ": failed to resolve source metadata for " + StepProgress.full(image);
      vertex.failed(e.text());
      throw new Failure.NotFound(text + ": " + e.text());
    }
  }

  /// What a named context has put in the place of an image; empty for nothing.
  private String alias(String name) {
    if (name.startsWith(INPUT) || name.startsWith(LAYOUT)) {
      return name; // put in by the builder
    }
    String full = StepProgress.full(name);
    return aliases.entrySet().stream()
        .filter(e -> StepProgress.full(e.getKey()).equals(full))
        .map(Map.Entry::getValue)
        .findFirst()
        .orElse("");
  }

  /// What stands in the place of the image that a FROM names; see [#alias].
  private UnaryOperator<String> aliases() {
    return name -> {
      String alias = alias(name);
      return alias.startsWith(IMAGE) ? alias.substring(IMAGE.length()) : alias;
    };
  }

  /// Names of images by the names that contexts have given them, for the builder.
  private Map<String, String> replaced() {
    Map<String, String> all = new LinkedHashMap<>();
    aliases.forEach(
        (name, value) ->
            all.put(name, value.startsWith(IMAGE) ? value.substring(IMAGE.length()) : value));
    return all;
  }

  /// An image of a layout of the client. One that comes here for this build goes with it.
  private synchronized Image layout(String value, dev.gantry.oci.Platform platform) {
    String[] parts = value.substring(LAYOUT.length()).split("@", 2);
    Progress.Vertex vertex = build.progress().vertex("[context] load from " + value).start();
    try (KeptContexts.Held folder = needs.contexts().passing()) {
      String store = parts[0].replaceFirst(":[^:/]*$", "");
      Session client = needs.sessions().await(build.request().session());
      Image image =
          passing.<IOException>add(
              () ->
                  LayoutImage.load(
                      needs.images(),
                      new SessionContent(client, "oci:" + store),
                      Digest.parse(parts.length > 1 ? parts[1] : ""),
                      platform,
                      folder.folder()));
      vertex.done();
      return image;
    } catch (GrpcException e) {
      vertex.failed(e.text());
      throw new Failure.Unavailable(value + ": " + e.text());
    } catch (IOException | Failure e) {
      vertex.failed(String.valueOf(e.getMessage()));
      throw new Failure.NotFound(value + ": " + e.getMessage());
    }
  }

  private Image input(String name, dev.gantry.oci.Platform platform) {
    Result result = standsOn.get(name);
    if (result == null) {
      throw new Failure.NotFound("the build that " + name + " comes from is over");
    }
    try {
      return result.image(platform);
    } catch (GrpcException e) {
      inputFailure = e; // the client shall see what failed there, not the FROM here
      throw new Failure.Unavailable(name + ": " + e.text());
    }
  }

  // ---- contexts

  private Map<String, Source> contexts() throws GrpcException, IOException {
    Map<String, Source> all = new LinkedHashMap<>();
    for (Map.Entry<String, String> e : options.below("context:").entrySet()) {
      String name = e.getKey().replaceFirst("::.*", "");
      String value = e.getValue();
      if (value.startsWith("local:")) {
        all.put(name, named(name, value.substring("local:".length())));
      } else if (value.startsWith(IMAGE) || value.startsWith(INPUT) || value.startsWith(LAYOUT)) {
        aliases.put(name, value);
      } else if (isRemote(value)) {
        String allowed = build.request().policy().apply(value);
        Source source = remote(allowed, "[context " + name + "] load from " + value);
        all.put(name, source);
      } else {
        throw new GrpcException(
            GrpcException.UNKNOWN,
            "unsupported context source "
                + value
                + " for "
                + name
                + ": a folder, a URL, docker-image://NAME or oci-layout://FOLDER can stand there");
      }
    }
    return all;
  }

  private Source named(String name, String folder) {
    return source(
        () -> {
          Progress.Vertex vertex =
              build.progress().vertex("[context " + name + "] load .dockerignore").start();
          Optional<String> ignored;
          try (KeptContexts.Held file = only(folder, ".dockerignore", vertex, folder)) {
            ignored = text(file.folder(), ".dockerignore");
          } catch (GrpcException | IOException | Failure e) {
            vertex.failed(String.valueOf(e.getMessage()));
            throw e;
          }
          vertex.done();
          return fetch(
              new FileSync.Wanted(folder, patterns(ignored), List.of()),
              "[context " + name + "] load from client");
        });
  }

  private Source context(Dockerfile file, List<String> ignored) {
    boolean plain = isPlain(file);
    if (plain && !namesContext(file)) {
      return source(needs.contexts()::passing);
    }
    List<String> followed = plain ? followed(file) : List.of();
    return source(
        () ->
            fetch(
                new FileSync.Wanted("context", ignored, followed),
                "[internal] load build context"));
  }

  private LocalSource source(LocalSource.Fetch fetch) {
    LocalSource source = new LocalSource(fetch, () -> transfers.forEach(Call::abandon));
    sources.add(source);
    return source;
  }

  private KeptContexts.Held fetch(FileSync.Wanted wanted, String title)
      throws GrpcException, IOException {
    Progress.Vertex vertex = build.progress().vertex(title).start();
    try {
      KeptContexts.Held folder = transfer(wanted, true, vertex, wanted.name());
      vertex.done();
      return folder;
    } catch (GrpcException | IOException | RuntimeException e) {
      String text = String.valueOf(e.getMessage());
      vertex.failed(build.isCancelled() ? text + ": context canceled" : text);
      throw e;
    }
  }

  private KeptContexts.Held transfer(
      FileSync.Wanted wanted, boolean keep, Progress.Vertex vertex, String shown)
      throws GrpcException, IOException {
    Session session =
        needs.sessions().await(options.session(wanted.name(), build.request().session()));
    Progress.Counter counter = vertex.counter("transferring " + shown + ":", "transferring");
    try {
      String kind = wanted.kind();
      return needs
          .contexts()
          .fetch(
              session.id() + "\0" + kind,
              session.sharedKey() + "\0" + kind,
              keep,
              (folder, notes) ->
                  FileSync.into(folder, notes, session, wanted, counter::add, transfers));
    } finally {
      counter.done();
    }
  }

  /// One file of a folder of the client, if it is there.
  private KeptContexts.Held only(String folder, String file, Progress.Vertex vertex, String shown)
      throws GrpcException, IOException {
    return transfer(new FileSync.Wanted(folder, List.of(), List.of(file)), false, vertex, shown);
  }

  /// What of the context the instructions name; empty if it is everything or cannot be told.
  static List<String> followed(Dockerfile file) {
    Set<String> paths = new TreeSet<>();
    for (Dockerfile.Stage stage : file.stages()) {
      for (Instruction instruction : stage.instructions()) {
        switch (instruction) {
          case Instruction.Copy copy -> {
            if (copy.flags().from().isEmpty()) {
              paths.addAll(copy.sources());
            }
          }
          case Instruction.Run run -> {
            if (run.mounts().stream().anyMatch(Frontend::bindsContext)) {
              return List.of();
            }
          }
          case Instruction.Onbuild ignored -> {
            return List.of();
          }
          default -> {}
        }
      }
    }
    Set<String> followed = new TreeSet<>();
    for (String path : paths) {
      if (path.matches("[a-z]+://.*|git@.*")) {
        continue;
      }
      String clean = dev.gantry.dockerfile.PathPattern.clean(path);
      if (clean.isEmpty() || clean.equals(".") || path.matches(".*[$\"'\\\\].*|<<.*")) {
        return List.of();
      }
      followed.add(clean);
    }
    return followed.size() > MOST_FOLLOWED ? List.of() : List.copyOf(followed);
  }

  /// Whether any instruction can need the context.
  static boolean namesContext(Dockerfile file) {
    return file.stages().stream()
        .flatMap(s -> s.instructions().stream())
        .anyMatch(
            i ->
                i instanceof Instruction.Copy c
                        && c.flags().from().isEmpty()
                        && !c.sources().isEmpty()
                    || i instanceof Instruction.Run r
                        && r.mounts().stream().anyMatch(Frontend::bindsContext)
                    || i instanceof Instruction.Onbuild);
  }

  private static boolean bindsContext(String mount) {
    return !mount.contains("from=") && !mount.matches(".*type=(cache|secret|ssh|tmpfs).*");
  }

  /// Whether no base image can have triggers that copy more than the instructions here.
  private boolean isPlain(Dockerfile file) {
    if (ScanTargets.context(file, options.arguments())) {
      return false; // all of it may be asked for
    }
    for (Dockerfile.Stage stage : file.stages()) {
      String from = stage.from().image();
      if (from.equals("scratch") || file.stage(from, stage.index()).isPresent()) {
        continue;
      }
      Optional<Image> here = named(from);
      if (here.isEmpty() || !here.get().config().strings("OnBuild").isEmpty()) {
        return false;
      }
    }
    return true;
  }

  /// An image that is here by exactly this name; empty if something else stands for it.
  private Optional<Image> named(String from) {
    if (from.indexOf('$') >= 0 || options.has("context:" + from)) {
      return Optional.empty();
    }
    try {
      return needs.images().named(ImageReference.parse(from).withDefaultTag());
    } catch (Failure e) {
      return Optional.empty(); // the build itself will say so
    }
  }

  // ---- the Dockerfile

  private Files local() throws GrpcException, IOException {
    String name = options.filename();
    Progress.Vertex vertex =
        build.progress().vertex("[internal] load build definition from " + name).start();
    definition = Optional.of(vertex);
    List<String> wanted = new ArrayList<>(List.of(name, name + ".dockerignore"));
    if (name.equals("Dockerfile")) {
      wanted.add("dockerfile");
    }
    String key = options.text("dockerfilekey");
    FileSync.Wanted files =
        new FileSync.Wanted(key.isEmpty() ? "dockerfile" : key, List.of(), wanted);
    try (KeptContexts.Held folder = transfer(files, false, vertex, "dockerfile")) {
      Optional<Files> found = read(folder.folder(), name);
      vertex.done();
      return found.orElseThrow(() -> missing(name));
    } catch (GrpcException | IOException | RuntimeException e) {
      if (vertex.isRunning()) {
        vertex.failed(String.valueOf(e.getMessage()));
      }
      throw e;
    }
  }

  private Optional<String> ignored(Optional<String> own) throws GrpcException, IOException {
    Progress.Vertex vertex = build.progress().vertex("[internal] load .dockerignore").start();
    try {
      if (own.isPresent()) {
        return own;
      }
      try (KeptContexts.Held folder = only("context", ".dockerignore", vertex, "context")) {
        return text(folder.folder(), ".dockerignore");
      }
    } finally {
      vertex.done();
    }
  }

  private static Optional<Files> read(Path folder, String name) throws IOException {
    Optional<String> text = text(folder, name);
    if (text.isEmpty() && name.equals("Dockerfile")) {
      text = text(folder, "dockerfile");
    }
    if (text.isEmpty()) {
      return Optional.empty();
    }
    return Optional.of(
        new Files(
            name,
            text.get().getBytes(StandardCharsets.UTF_8),
            text(folder, name + ".dockerignore")));
  }

  private static Optional<String> text(Path folder, String name) throws IOException {
    try (Tree tree = Tree.open(folder.toString())) {
      return BuildContext.text(tree, "/" + name, MAX_DOCKERFILE);
    }
  }

  private static GrpcException missing(String name) {
    return new GrpcException(
        GrpcException.UNKNOWN,
        "failed to read dockerfile: open " + name + ": no such file or directory");
  }

  private static List<String> patterns(Optional<String> ignored) {
    return IgnoreFile.patterns(ignored.orElse(""));
  }

  // ---- contexts that are elsewhere

  private static boolean isRemote(String text) {
    return text.startsWith("http://") || text.startsWith("https://") || GitSource.isGit(text);
  }

  private Optional<Source> remote() throws GrpcException, IOException {
    String url = options.text("context");
    if (url.isEmpty()) {
      return Optional.empty();
    }
    if (!isRemote(url)) {
      throw new GrpcException(GrpcException.UNKNOWN, "unsupported context " + url);
    }
    String allowed = build.request().policy().apply(url);
    return Optional.of(remote(allowed, "[internal] load remote build context"));
  }

  private Source remote(String url, String title) throws GrpcException, IOException {
    Progress.Vertex vertex = build.progress().vertex(title).start();
    KeptContexts.Held folder = needs.contexts().passing();
    held.add(folder);
    Session session = needs.sessions().await(build.request().session());
    BuildClient client = build.client(session);
    try {
      Path place = folder.folder();
      if (url.startsWith(UPLOAD + "/")) {
        try (InputStream in =
            new BufferedInputStream(session.upload(url.substring(UPLOAD.length())))) {
          Remote.put(in, place, options.filename());
        }
      } else {
        try (var _ = build.cancellation().waiting()) {
          place =
              Remote.checkout(
                  url,
                  build.cancellation().shield(client),
                  place,
                  options.filename(),
                  options.keepsGitFolder());
        }
      }
      vertex.done();
      return BuildContext.without(place, IgnoreFile.NONE);
    } catch (IOException | RuntimeException e) {
      vertex.failed(String.valueOf(e.getMessage()));
      throw e;
    }
  }

  private Files inside(Source context) throws GrpcException, IOException {
    try (Tree tree = context.open()) {
      String name = options.filename();
      Optional<String> text = BuildContext.text(tree, "/" + name, MAX_DOCKERFILE);
      if (text.isEmpty()) {
        throw missing(name);
      }
      return new Files(name, text.get().getBytes(StandardCharsets.UTF_8), Optional.empty());
    }
  }
}
