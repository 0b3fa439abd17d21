using System.Net;
using System.Net.Sockets;
using Stentor.Protocol;

namespace Stentor.Gateways.Tests;

public sealed class ServerTests
{
    [Theory]
    [InlineData("http://0.0.0.0:0")]
    [InlineData("http://[::]:0")]
    public async Task Listening_beyond_loopback_without_TLS_needs_to_be_asked_for(string listen)
    {
        var refused = await Assert.ThrowsAsync<ServerStartException>(() => TestServer.StartAsync(o => o with { Listen = [listen] }));
        var refusedTcp = await Assert.ThrowsAsync<ServerStartException>(() => TestServer.StartAsync(o => o with { Tcp = "0.0.0.0:0" }));

        Assert.Contains("--insecure", refused.Message, StringComparison.Ordinal);
        Assert.Contains("--insecure", refusedTcp.Message, StringComparison.Ordinal);
        await using var asked = await TestServer.StartAsync(o => o with { Listen = ["http://0.0.0.0:0"], Insecure = true });
        Assert.StartsWith("http://0.0.0.0:", asked.Server.Listeners[0].Address);
    }

    [Theory]
    [InlineData("ftp://127.0.0.1:1")]
    [InlineData("127.0.0.1:1")]
    [InlineData("http://127.0.0.1:1/path")]
    [InlineData("http://example.org:1")]
    [InlineData("https://127.0.0.1:0")]
    public async Task A_place_that_cannot_be_listened_on_is_refused(string listen) =>
        await Assert.ThrowsAsync<ServerStartException>(() => TestServer.StartAsync(o => o with { Listen = [listen] }));

    [Fact]
    public async Task A_port_that_is_taken_is_said_so()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();

        var refused = await Assert.ThrowsAsync<ServerStartException>(() => TestServer.StartAsync(o => o with { Listen = [$"http://{taken.LocalEndpoint}"] }));

        Assert.Contains(taken.LocalEndpoint.ToString()!, refused.Message, StringComparison.Ordinal); // It listens.
    }

    [Fact]
    public async Task Every_listener_is_told_with_its_port()
    {
        await using var server = await TestServer.StartAsync(o => o with { Listen = ["http://127.0.0.1:0", "http://localhost:0"] });

        Assert.Equal(["http", "http", "tcp"], server.Server.Listeners.Select(l => l.Kind));
        Assert.All(server.Server.Listeners, l => Assert.True(new Uri(l.Address).Port > 0));
        Assert.All(server.Server.Listeners, l => Assert.StartsWith($"{l.Kind}://127.0.0.1:", l.Address));
    }

    [Fact]
    public async Task The_operators_secret_is_made_once_and_is_its_owners_alone()
    {
        var directory = Directory.CreateTempSubdirectory("stentor-test-").FullName;
        var file = Path.Combine(directory, "operator.secret");
        try
        {
            await using (var first = await StartOn(directory))
            {
                Assert.Equal((file, true), (first.Server.OperatorSecretFile, first.Server.OperatorSecretIsNew));
                Assert.Equal(201, (await first.PublishAsync("_grants", """{"effect": {"set": {"publish a": []}}}""", ("operator", SecretIn(file)))).Status);
            }

            if (!OperatingSystem.IsWindows())
            {
                Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
            }

            var secret = SecretIn(file);
            await using (var second = await StartOn(directory))
            {
                Assert.False(second.Server.OperatorSecretIsNew);
                Assert.Equal((secret, 200), (SecretIn(file), (await second.GetAsync("/v1/channels/_grants", ("operator", secret))).Status));
                (await second.GetAsync("/v1/channels/_grants", ("operator", "wrong"))).Problem(ErrorType.Unauthenticated);
            }

            if (!OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.OtherRead);
                var refused = await Assert.ThrowsAsync<ServerStartException>(() => StartOn(directory));
                Assert.Contains("chmod 600", refused.Message, StringComparison.Ordinal);
                Assert.DoesNotContain(secret, refused.ToString(), StringComparison.Ordinal);
            }
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public async Task A_second_server_on_one_data_directory_is_refused_and_told_who_has_it()
    {
        var directory = Directory.CreateTempSubdirectory("stentor-test-").FullName;
        try
        {
            await using var first = await StartOn(directory);

            var refused = await Assert.ThrowsAsync<ServerStartException>(() => StartOn(directory));

            Assert.Contains(Environment.ProcessId.ToString(), refused.Message, StringComparison.Ordinal);
            Assert.Equal(201, (await first.SendAsync(HttpMethod.Post, "/v1/channels/activities/activities", """{"activity": {}}""")).Status);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public async Task A_stop_answers_whoever_waits_and_is_complete()
    {
        await using var server = await TestServer.StartAsync();
        await server.PublishAsync("stop", """{"activity": {}}""");
        var seen = (await server.GetAsync("/v1/channels/stop/activities")).Seen;
        var waiting = server.GetAsync($"/v1/channels/stop/activities?wait=60&after={seen}");
        await server.GetAsync("/healthz/ready"); // The wait before it is under way or will end at once: either is right.

        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        await server.Server.StopAsync(timeout.Token);

        await server.Server.Completion.WaitAsync(timeout.Token);
        try
        {
            Assert.Contains((await waiting).Status, (int[])[200, 503]);
        }
        catch (HttpRequestException)
        {
            // It came after the listener had closed.
        }
    }

    [Fact]
    public async Task A_server_that_needs_a_directory_says_so()
    {
        var refused = await Assert.ThrowsAsync<ServerStartException>(() => TestServer.StartAsync(o => o with { Ephemeral = false }));

        Assert.Contains("--data", refused.Message, StringComparison.Ordinal);
    }

    private static Task<TestServer> StartOn(string directory) =>
        TestServer.StartAsync(o => o with { Ephemeral = false, DataDirectory = directory, OperatorSecretFile = null });

    private static string SecretIn(string file) => File.ReadAllText(file).Trim();
}
