using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Stentor.Gateways.Tests.ActivityStreamer;

/// <summary>How a server begins: its secret, its id, and TLS.</summary>
public sealed class StartTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("stentor-test-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task A_server_alone_makes_its_secret_once_and_keeps_it_and_its_id()
    {
        string secret;
        string id;
        await using (var first = await StreamerClient.ServeAsync(o => o with { Secret = null }, OnDisk))
        {
            secret = first.Server.NewStreamerSecret!; // Made now.
            id = await IdAsync(first);
            Assert.Equal(43, secret.Length); // 32 bytes in base64url.
            if (!OperatingSystem.IsWindows())
            {
                Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(first.Server.StreamerSecretFile!)); // It has one.
            }
        }

        await using var again = await StreamerClient.ServeAsync(o => o with { Secret = null }, OnDisk);

        Assert.Null(again.Server.NewStreamerSecret);
        Assert.Equal(id, await IdAsync(again));
        using var peer = await StreamerClient.ConnectAsync(again);
        await peer.SendAsync($$"""{"command":"AUTHENTICATE","secret":"{{secret}}"}""");
        await peer.ExpectAsync("SERVER_ANNOUNCE");
    }

    [Fact]
    public async Task A_server_without_a_disk_shows_its_secret_too()
    {
        await using var server = await StreamerClient.ServeAsync(o => o with { Secret = null });

        using var peer = await StreamerClient.ConnectAsync(server);
        await peer.SendAsync($$"""{"command":"AUTHENTICATE","secret":"{{server.Server.NewStreamerSecret}}"}""");
        await peer.ExpectAsync("SERVER_ANNOUNCE");
    }

    [Fact]
    public async Task A_secret_that_is_given_is_not_shown()
    {
        await using var server = await StreamerClient.ServeAsync();

        Assert.Null(server.Server.NewStreamerSecret);
    }

    [Fact]
    public async Task Whoever_dials_needs_the_secret_of_those_who_are_there()
    {
        var refused = await Assert.ThrowsAsync<ServerStartException>(() => StreamerClient.ServeAsync(o => o with { Secret = null, Remotes = [new StreamerServer("127.0.0.1", 1)] }));

        Assert.Contains("--activity-streamer-secret-file", refused.Message, StringComparison.Ordinal);
        Assert.True(refused.IsUsage);
    }

    [Fact]
    public async Task Beyond_loopback_it_needs_TLS_or_to_be_asked_for()
    {
        var refused = await Assert.ThrowsAsync<ServerStartException>(() => StreamerClient.ServeAsync(o => o with { Listen = "0.0.0.0:0" }));

        Assert.Contains("--insecure", refused.Message, StringComparison.Ordinal);
        await using var asked = await StreamerClient.ServeAsync(o => o with { Listen = "0.0.0.0:0", Hostname = "a.example" }, o => o with { Insecure = true });
        using var peer = await PeerOfAsync(asked);
        Assert.Equal("a.example", (await peer.ExpectAsync("SERVER_ANNOUNCE")).GetProperty("hostname").GetString());

        static async Task<StreamerClient> PeerOfAsync(TestServer server)
        {
            var peer = await StreamerClient.ConnectAsync(server);
            await peer.SendAsync($$"""{"command":"AUTHENTICATE","secret":"{{StreamerClient.Secret}}"}""");
            return peer;
        }
    }

    [Fact]
    public async Task Over_TLS_the_same_is_said()
    {
        using var key = RSA.Create(2048);
        using var certificate = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        var file = Path.Combine(_directory, "node.pem");
        await File.WriteAllTextAsync(file, certificate.ExportCertificatePem() + "\n" + key.ExportPkcs8PrivateKeyPem());
        await using var server = await StreamerClient.ServeAsync(o => o with { Tls = true }, o => o with { CertificateFile = file });
        using var client = new System.Net.Sockets.TcpClient();
        await client.ConnectAsync(StreamerClient.EndPointOf(server));
        await using var stream = new SslStream(client.GetStream(), leaveInnerStreamOpen: false, (_, presented, _, _) => presented?.GetCertHashString() == certificate.GetCertHashString());
        await stream.AuthenticateAsClientAsync("localhost");

        using var reader = new StreamReader(stream);
        Assert.Equal("LOGIN_SUCCESS", await AskAsync("""{"command":"LOGIN","username":"anonymous"}"""));
        Assert.Equal("ACTIVITY_BROADCAST", await AskAsync("""{"command":"ACTIVITY_MESSAGE","username":"anonymous","activity":{"n":1}}"""));
        Assert.Equal("INVALID_MESSAGE", await AskAsync("""{"command":"LOGIN"}"""));
        Assert.Null(await reader.ReadLineAsync().WaitAsync(TestServer.Patience));

        async Task<string?> AskAsync(string line)
        {
            await stream.WriteAsync(Encoding.UTF8.GetBytes(line + "\n"));
            return (await reader.ReadLineAsync().WaitAsync(TestServer.Patience))?.Split('"')[3];
        }
    }

    private ServerOptions OnDisk(ServerOptions options) => options with { Ephemeral = false, DataDirectory = Path.Combine(_directory, "data") };

    private static async Task<string> IdAsync(TestServer server) => (await server.GetAsync("/v1/cluster"))["activityStreamer"].GetProperty("id").GetString()!; // Every server has one.
}
