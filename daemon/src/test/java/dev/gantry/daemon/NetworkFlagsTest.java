package dev.gantry.daemon;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gantry.base.Failure;
import dev.gantry.network.Cidr;
import dev.gantry.network.NetworkOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class NetworkFlagsTest {
  @TempDir Path folder;

  private NetworkOptions read(String... flags) throws IOException {
    return readWith("{}", flags);
  }

  private NetworkOptions readWith(String settings, String... flags) throws IOException {
    Path file = Files.writeString(folder.resolve("daemon.json"), settings);
    String[] all = new String[flags.length + 1];
    all[0] = "--config-file=" + file;
    System.arraycopy(flags, 0, all, 1, flags.length);
    return NetworkFlags.read(Flags.parse(all));
  }

  @Test
  void nothingSaidIsTheDefault() throws IOException {
    NetworkOptions options = read();
    assertEquals(NetworkOptions.of("gantry0"), options);
    assertTrue(options.firewall() && options.icc() && !options.inputPolicy());
  }

  @Test
  void poolsComeFromFlagsOrFromDockersForm() throws IOException {
    NetworkOptions.AddressPool pool = new NetworkOptions.AddressPool(Cidr.parse("10.9.0.0/16"), 24);
    assertEquals(List.of(pool), read("--default-address-pool", "base=10.9.0.0/16,size=24").pools());
    assertEquals(
        List.of(pool),
        readWith("{\"default-address-pools\":[{\"base\":\"10.9.0.0/16\",\"size\":24}]}").pools());
  }

  @Test
  void switchesAreRead() throws IOException {
    NetworkOptions options =
        read("--icc=false", "--iptables=false", "--publish-by-input-rules", "--ip", "127.0.0.1");
    assertFalse(options.icc());
    assertFalse(options.firewall());
    assertTrue(options.inputPolicy());
    assertEquals("127.0.0.1", options.hostBinding());
  }

  @Test
  void furtherSettingsAreRead() throws IOException {
    NetworkOptions.Further said =
        new NetworkOptions.Further(
            true,
            Cidr.parse("fd00:1::1/64"),
            Cidr.parse("fd00:1::100/120"),
            "10.9.0.254",
            "fd00:1::2",
            List.of("192.0.2.1", "2001:db8::1"),
            Map.of("bridge", Map.of("com.docker.network.driver.mtu", "1234")),
            true);
    assertEquals(
        said,
        read(
                "--ipv6",
                "--bip6=fd00:1::1/64",
                "--fixed-cidr-v6=fd00:1::100/120",
                "--default-gateway=10.9.0.254",
                "--default-gateway-v6=fd00:1::2",
                "--host-gateway-ip=192.0.2.1",
                "--host-gateway-ip=2001:db8::1",
                "--default-network-opt=bridge=com.docker.network.driver.mtu=1234",
                "--allow-direct-routing")
            .further());
    assertEquals(
        said.defaults(),
        readWith(
                "{\"default-network-opts\":"
                    + "{\"bridge\":{\"com.docker.network.driver.mtu\":\"1234\"}}}")
            .further()
            .defaults());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "--bip=fd00::1/64",
        "--bip6=10.0.0.1/24",
        "--fixed-cidr-v6=10.0.0.0/24",
        "--default-gateway=x",
        "--host-gateway-ip=name",
        "--default-network-opt=bridge",
        "--default-network-opt=bridge=x",
        "--bip=10.0.0.1",
        "--fixed-cidr=x",
        "--mtu=-1",
        "--ip=host",
        "--icc=maybe",
        "--default-address-pool=base=10.0.0.0/16",
        "--default-address-pool=base=10.0.0.0/16,size=8",
        "--default-address-pool=base=x,size=24"
      })
  void badValueIsNamed(String flag) {
    Failure failure = assertThrows(Failure.InvalidRequest.class, () -> read(flag));
    assertTrue(failure.text().contains(flag.split("=")[0]), failure.text());
  }
}
