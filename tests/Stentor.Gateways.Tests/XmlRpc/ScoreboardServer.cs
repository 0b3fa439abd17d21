using System.Net.Http.Headers;
using Stentor.Protocol;

namespace Stentor.Gateways.Tests.XmlRpc;

/// <summary>A server with a scoreboard, and a program of XML-RPC that calls it.</summary>
internal sealed class ScoreboardServer : IAsyncDisposable
{
    /// <summary>The writer's password in these tests.</summary>
    public const string Password = "the voice of the bard";

    private ScoreboardServer(TestServer server) => Server = server;

    public TestServer Server { get; }

    public static async Task<ScoreboardServer> StartAsync(Func<XmlRpcOptions, XmlRpcOptions>? change = null, Func<ServerOptions, ServerOptions>? server = null)
    {
        var options = new XmlRpcOptions { WriterSecret = Password };
        return new ScoreboardServer(await TestServer.StartAsync(o => (server ?? (all => all))(o) with { XmlRpc = (change ?? (all => all))(options) }));
    }

    public ValueTask DisposeAsync() => Server.DisposeAsync();

    /// <summary>Calls a procedure; a fault is an exception.</summary>
    public async Task<XmlRpcValue> CallAsync(string method, params XmlRpcValue[] arguments)
    {
        var xml = new ByteBuffer();
        XmlRpcWriter.WriteCall(method, arguments, xml);
        var (status, body) = await PostAsync(xml.WrittenSpan.ToArray());
        Assert.Equal(200, status);
        return XmlRpcReader.ReadAnswer(body);
    }

    public async Task<(int Status, byte[] Body)> PostAsync(byte[] body, string? contentType = "text/xml", string path = "/RPC2")
    {
        using var content = new ByteArrayContent(body);
        content.Headers.ContentType = contentType is null ? null : MediaTypeHeaderValue.Parse(contentType);
        using var response = await Server.Client.PostAsync(path, content);
        return ((int)response.StatusCode, await response.Content.ReadAsByteArrayAsync());
    }

    public Task<XmlRpcValue> ScoreAsync(string name) => CallAsync("get_score", T(name));

    public async Task<(long Gold, long Silver, long Bronze)> TallyAsync(string team)
    {
        var tally = Assert.IsType<XmlRpcValue.Struct>(await CallAsync("get_medal_tally", T(team)));
        Assert.Equal(["gold", "silver", "bronze"], tally.Members.Select(m => m.Key));
        long Of(string medal) => Assert.IsType<XmlRpcValue.Whole>(tally.Find(medal)).Value;
        return (Of("gold"), Of("silver"), Of("bronze"));
    }

    public async Task SetAsync(string name, XmlRpcValue score) => Assert.Equal(new XmlRpcValue.Truth(true), await CallAsync("set_score", T(name), score, T(Password)));

    public async Task WinAsync(string team, string medal) => Assert.Equal(new XmlRpcValue.Truth(true), await CallAsync("increment_medal_tally", T(team), T(medal), T(Password)));

    public Task<XmlRpcValue> RegisterAsync(string host, int port, string[] events, string[] teams) => CallAsync("register_client", Id(host, port), Names(events), Names(teams));

    public static XmlRpcValue T(string text) => new XmlRpcValue.Text(text);

    public static XmlRpcValue Id(string host, int port) => new XmlRpcValue.List([T(host), new XmlRpcValue.Whole(port)]);

    public static XmlRpcValue Names(params string[] names) => new XmlRpcValue.List([.. names.Select(T)]);

    /// <summary>Checks that a value is an error string, and gives it.</summary>
    public static string Error(XmlRpcValue value)
    {
        var text = Assert.IsType<XmlRpcValue.Text>(value).Value;
        Assert.StartsWith("Error: ", text, StringComparison.Ordinal);
        return text;
    }
}
