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

  @ParameterizedTest
  @ValueSource(
      strings = {
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
