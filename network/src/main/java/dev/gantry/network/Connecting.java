package dev.gantry.network;

import dev.gantry.base.Failure;
import dev.gantry.base.Ids;
import dev.gantry.base.Undo;
import dev.gantry.kernel.NetlinkSetup.HostMessage;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// A running container comes onto one more network, or goes off one. What it has on the others
/// stays as it is.
final class Connecting {
  private final NetworkState state;

  Connecting(NetworkState state) {
    this.state = state;
  }

  Attachment connect(AttachRequest container, int pid, EndpointRequest wish) {
    Attachment after = connectEndpoint(container, pid, wish);
    state.naming.serve(after, pid);
    return after;
  }

  private Attachment connectEndpoint(AttachRequest container, int pid, EndpointRequest wish) {
    String containerId = container.containerId();
    state.lock.lock();
    try (Undo undo = new Undo()) {
      state.applyFirewall();
      Attachment before = attached(container);
      Network network = state.required(wish.network());
      EndpointCheck.checkConnectable(network);
      EndpointCheck.check(network, wish);
      if (before.endpoints().stream().anyMatch(e -> e.networkId().equals(network.id()))) {
        throw new Failure.Forbidden(
            "endpoint with name " + before.name() + " already exists in network " + network.name());
      }
      Endpoint endpoint =
          undo.on(
              state.maker.reserve(
                  network, wish, asCalledNow(container, before), before.endpoints()),
              state.maker::free);
      for (HostMessage message :
          state.linkMessages(
              network, endpoint, !container.ports().isEmpty(), LinkMessages.Target.PROCESS)) {
        state.links.send(message, pid, "interface of " + before.name());
      }
      List<Endpoint> endpoints = new ArrayList<>(before.endpoints());
      endpoints.add(endpoint);
      undo.on(
          () ->
              ContainerNamespace.change(
                  pid, Map.of(), List.of(LinkMessages.delete(LaunchMessages.index(endpoint)))));
      List<byte[]> messages = new ArrayList<>(LaunchMessages.bringUp(endpoint));
      messages.addAll(LaunchMessages.defaultRoutes(endpoints));
      ContainerNamespace.change(pid, LaunchMessages.settings(List.of(endpoint)), messages);
      Attachment after = before.with(endpoints, before.ports());
      after =
          before.ports().isEmpty()
              ? state.publish(after, container.ports())
              : state.publisher.moved(before, after);
      state.attachments.put(containerId, after);
      undo.commit();
      return after;
    } finally {
      state.lock.unlock();
    }
  }

  Attachment disconnect(String containerId, int pid, String nameOrId) {
    state.lock.lock();
    try {
      Optional<Attachment> attached = Optional.ofNullable(state.attachments.get(containerId));
      Network network = state.registry.find(nameOrId);
      Endpoint gone =
          attached.stream()
              .flatMap(attachment -> attachment.endpoints().stream())
              .filter(endpoint -> endpoint.networkId().equals(network.id()))
              .findFirst()
              .orElseThrow(
                  () ->
                      new Failure.Internal(
                          "container "
                              + containerId
                              + " is not connected to network "
                              + network.name()));
      Attachment before = attached.orElseThrow();
      List<Endpoint> endpoints =
          before.endpoints().stream().filter(endpoint -> !endpoint.equals(gone)).toList();
      List<byte[]> messages = new ArrayList<>();
      messages.add(LinkMessages.delete(LaunchMessages.index(gone)));
      messages.addAll(LaunchMessages.defaultRoutes(endpoints));
      ContainerNamespace.change(pid, Map.of(), messages);
      state.maker.free(gone);
      Attachment after = state.publisher.moved(before, before.with(endpoints, before.ports()));
      state.attachments.put(containerId, after);
      return after;
    } finally {
      state.lock.unlock();
    }
  }

  private static AttachRequest asCalledNow(AttachRequest container, Attachment attached) {
    return new AttachRequest(
        container.containerId(),
        attached.name(),
        container.hostname(),
        container.endpoints(),
        container.ports(),
        container.dns(),
        container.dnsSearch(),
        container.dnsOptions());
  }

  private Attachment attached(AttachRequest container) {
    Attachment attachment = state.attachments.get(container.containerId());
    if (attachment == null) {
      // a running container without any network yet
      attachment = Attachment.of(container, Ids.next(), List.of());
    }
    return attachment;
  }
}
