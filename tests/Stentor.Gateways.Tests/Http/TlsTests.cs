using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Stentor.Gateways.Tests.Http;

public sealed class TlsTests
{
    [Fact]
    public async Task With_a_certificate_HTTP_2_is_spoken_over_TLS()
    {
        var directory = Directory.CreateTempSubdirectory("stentor-test-").FullName;
        try
        {
            using var key = RSA.Create(2048);
            using var certificate = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
                .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
            var (certificateFile, keyFile) = (Path.Combine(directory, "node.pem"), Path.Combine(directory, "node.key"));
            await File.WriteAllTextAsync(certificateFile, certificate.ExportCertificatePem());
            await File.WriteAllTextAsync(keyFile, key.ExportPkcs8PrivateKeyPem());

            await using var server = await TestServer.StartAsync(o => o with { Listen = ["https://127.0.0.1:0", "http://127.0.0.1:0"], CertificateFile = certificateFile, CertificateKeyFile = keyFile });
            using var client = new HttpClient(new SocketsHttpHandler { SslOptions = { RemoteCertificateValidationCallback = (_, presented, _, _) => presented?.GetCertHashString() == certificate.GetCertHashString() } });
            using var request = new HttpRequestMessage(HttpMethod.Post, $"{server.Server.Listeners[0].Address}/v1/channels/activities/activities")
            {
                Version = HttpVersion.Version20,
                VersionPolicy = HttpVersionPolicy.RequestVersionExact,
                Content = new StringContent("""{"activity": {}}""", new System.Net.Http.Headers.MediaTypeHeaderValue("application/json")),
            };

            using var response = await client.SendAsync(request);

            Assert.Equal((HttpStatusCode.Created, HttpVersion.Version20), (response.StatusCode, response.Version));
            Assert.StartsWith("https://127.0.0.1:", server.Server.Listeners[0].Address);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public async Task A_certificate_that_cannot_be_used_is_said_so()
    {
        var refused = await Assert.ThrowsAsync<ServerStartException>(() => TestServer.StartAsync(o => o with { Listen = ["https://127.0.0.1:0"], CertificateFile = "/no/such/file.pem" }));

        Assert.Contains("/no/such/file.pem", refused.Message, StringComparison.Ordinal);
    }
}
