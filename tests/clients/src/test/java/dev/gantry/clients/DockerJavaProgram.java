package dev.gantry.clients;

import static dev.gantry.clients.GenericContainerProgram.expect;

import com.github.dockerjava.api.DockerClient;
import com.github.dockerjava.api.async.ResultCallback;
import com.github.dockerjava.api.command.InspectContainerResponse;
import com.github.dockerjava.api.exception.ConflictException;
import com.github.dockerjava.api.exception.NotFoundException;
import com.github.dockerjava.api.model.Bind;
import com.github.dockerjava.api.model.Event;
import com.github.dockerjava.api.model.Frame;
import com.github.dockerjava.api.model.HostConfig;
import com.github.dockerjava.api.model.RestartPolicy;
import com.github.dockerjava.api.model.Statistics;
import com.github.dockerjava.api.model.Volume;
import com.github.dockerjava.core.DefaultDockerClientConfig;
import com.github.dockerjava.core.DockerClientImpl;
import com.github.dockerjava.core.command.WaitContainerResultCallback;
import com.github.dockerjava.zerodep.ZerodepDockerHttpClient;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;

/// What programs do with docker-java, in one program. Its argument is an image of busybox.
final class DockerJavaProgram {
  private DockerJavaProgram() {}

  public static void main(String[] arguments) throws Exception {
    var config = DefaultDockerClientConfig.createDefaultConfigBuilder().build();
    var transport =
        new ZerodepDockerHttpClient.Builder()
            .dockerHost(config.getDockerHost())
            .sslConfig(config.getSSLConfig())
            .build();
    try (DockerClient docker = DockerClientImpl.getInstance(config, transport)) {
      docker.pingCmd().exec();
      expect("linux", docker.versionCmd().exec().getOperatingSystem());
      expect(true, docker.infoCmd().exec().getMemTotal() > 0);
      life(docker, arguments[0]);
      streams(docker, arguments[0]);
      failures(docker, arguments[0]);
      images(docker, arguments[0]);
    }
    System.out.println("all is well");
  }

  private static void life(DockerClient docker, String image) throws Exception {
    Set<String> seen = new ConcurrentSkipListSet<>();
    CountDownLatch destroyed = new CountDownLatch(1);
    try (ResultCallback.Adapter<Event> events =
        docker
            .eventsCmd()
            .withEventTypeFilter("container")
            .exec(
                new ResultCallback.Adapter<>() {
                  @Override
                  public void onNext(Event event) {
                    seen.add(event.getAction());
                    if (event.getAction().equals("destroy")) {
                      destroyed.countDown();
                    }
                  }
                })) {
      events.awaitStarted(30, TimeUnit.SECONDS);
      docker.createVolumeCmd().withName("docker-java").exec();
      String id =
          docker
              .createContainerCmd(image)
              .withName("driven")
              .withCmd("sh", "-c", "echo kept >/v/file; exec sleep 1000")
              .withHostConfig(
                  HostConfig.newHostConfig()
                      .withMemory(64L << 20)
                      .withRestartPolicy(RestartPolicy.onFailureRestart(2))
                      .withBinds(new Bind("docker-java", new Volume("/v"))))
              .exec()
              .getId();
      docker.startContainerCmd(id).exec();
      InspectContainerResponse now = docker.inspectContainerCmd(id).exec();
      expect(true, now.getState().getRunning());
      expect(64L << 20, now.getHostConfig().getMemory());
      expect("/driven", now.getName());
      expect(1, docker.listContainersCmd().withNameFilter(List.of("driven")).exec().size());
      docker.pauseContainerCmd(id).exec();
      expect(true, docker.inspectContainerCmd(id).exec().getState().getPaused());
      docker.unpauseContainerCmd(id).exec();
      docker.updateContainerCmd(id).withMemory(32L << 20).withMemorySwap(64L << 20).exec();
      expect(32L << 20, docker.inspectContainerCmd(id).exec().getHostConfig().getMemory());
      AtomicReference<Statistics> statistics = new AtomicReference<>();
      CountDownLatch sampled = new CountDownLatch(1);
      try (var _ =
          docker
              .statsCmd(id)
              .exec(
                  new ResultCallback.Adapter<Statistics>() {
                    @Override
                    public void onNext(Statistics sample) {
                      statistics.set(sample);
                      sampled.countDown();
                    }
                  })) {
        expect(true, sampled.await(30, TimeUnit.SECONDS));
      }
      expect(true, statistics.get().getMemoryStats().getUsage() > 0);
      docker.renameContainerCmd(id).withName("renamed").exec();
      docker.killContainerCmd(id).exec();
      expect(
          137,
          docker.waitContainerCmd(id).exec(new WaitContainerResultCallback()).awaitStatusCode());
      docker.removeContainerCmd(id).withRemoveVolumes(true).exec();
      docker.removeVolumeCmd("docker-java").exec();
      expect(true, destroyed.await(30, TimeUnit.SECONDS));
    }
    expect(true, seen.containsAll(Set.of("create", "start", "pause", "unpause", "die", "destroy")));
  }

  private static void streams(DockerClient docker, String image) throws Exception {
    String id =
        docker
            .createContainerCmd(image)
            .withCmd("cat")
            .withStdinOpen(true)
            .withStdInOnce(true)
            .exec()
            .getId();
    StringBuffer attached = new StringBuffer();
    ResultCallback.Adapter<Frame> attach =
        docker
            .attachContainerCmd(id)
            .withStdOut(true)
            .withFollowStream(true)
            .withStdIn(new ByteArrayInputStream("through cat\n".getBytes(StandardCharsets.UTF_8)))
            .exec(collecting(attached));
    attach.awaitStarted(30, TimeUnit.SECONDS);
    docker.startContainerCmd(id).exec();
    await(() -> attached.toString().equals("through cat\n"), attached);
    String exec =
        docker
            .execCreateCmd(id)
            .withCmd("sh", "-c", "echo out; echo err >&2; exit 4")
            .withAttachStdout(true)
            .withAttachStderr(true)
            .exec()
            .getId();
    StringBuffer said = new StringBuffer();
    docker.execStartCmd(exec).exec(collecting(said)).awaitCompletion(30, TimeUnit.SECONDS);
    expect(true, said.toString().contains("out\n") && said.toString().contains("err\n"));
    expect(4L, docker.inspectExecCmd(exec).exec().getExitCodeLong());
    StringBuffer logs = new StringBuffer();
    docker
        .logContainerCmd(id)
        .withStdOut(true)
        .exec(collecting(logs))
        .awaitCompletion(30, TimeUnit.SECONDS);
    expect("through cat\n", logs.toString());
    attach.close();
    docker.removeContainerCmd(id).withForce(true).exec();
  }

  private static ResultCallback.Adapter<Frame> collecting(StringBuffer into) {
    return new ResultCallback.Adapter<>() {
      @Override
      public void onNext(Frame frame) {
        into.append(new String(frame.getPayload(), StandardCharsets.UTF_8));
      }
    };
  }

  private static void await(java.util.function.BooleanSupplier condition, Object shown)
      throws InterruptedException {
    for (int i = 0; i < 600 && !condition.getAsBoolean(); i++) {
      Thread.sleep(100);
    }
    if (!condition.getAsBoolean()) {
      throw new AssertionError("still " + shown);
    }
  }

  private static void failures(DockerClient docker, String image) {
    try {
      docker.inspectContainerCmd("no-such-container").exec();
      throw new AssertionError("found");
    } catch (NotFoundException e) {
      expect(404, e.getHttpStatus());
    }
    String id = docker.createContainerCmd(image).withName("twice").withCmd("true").exec().getId();
    try {
      docker.createContainerCmd(image).withName("twice").withCmd("true").exec();
      throw new AssertionError("made twice");
    } catch (ConflictException e) {
      expect(409, e.getHttpStatus());
    }
    docker.removeContainerCmd(id).exec();
  }

  private static void images(DockerClient docker, String image) {
    String id = docker.createContainerCmd(image).withCmd("touch", "/new").exec().getId();
    docker.startContainerCmd(id).exec();
    docker.waitContainerCmd(id).exec(new WaitContainerResultCallback()).awaitStatusCode();
    expect(1, docker.containerDiffCmd(id).exec().size());
    String made = docker.commitCmd(id).withRepository("docker-java").withTag("one").exec();
    docker.tagImageCmd(made, "docker-java", "two").exec();
    expect(
        Set.of("docker-java:one", "docker-java:two"),
        Set.copyOf(docker.inspectImageCmd(made).exec().getRepoTags()));
    docker.removeContainerCmd(id).exec();
    docker.removeImageCmd("docker-java:one").exec();
    docker.removeImageCmd("docker-java:two").exec();
  }
}
