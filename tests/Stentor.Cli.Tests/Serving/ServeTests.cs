using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Stentor.Cli.Tests.Serving;

public sealed class ServeTests
{
    [Fact(Timeout = 30_000)]
    public async Task A_port_that_is_taken_is_told_in_one_line()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var address = string.Create(CultureInfo.InvariantCulture, $"http://{other.LocalEndpoint}");
        var run = new CommandRun();

        var exitCode = await run.RunAsync("serve", "--ephemeral", "--log-level", "warn", "--listen", address);

        Assert.Equal(1, exitCode);
        Assert.Empty(run.Out);
        var line = Assert.Single(run.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains($"{address}: address already in use", line, StringComparison.Ordinal);
    }
}
