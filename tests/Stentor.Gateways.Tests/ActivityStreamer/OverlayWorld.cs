using System.Text;
using System.Text.Json;
using Stentor.Protocol;

namespace Stentor.Gateways.Tests.ActivityStreamer;

/// <summary>One server's overlay, and what it asked for, one line a thing. Time is the test's.</summary>
internal sealed class OverlayWorld
{
    public static readonly OverlayOptions Options = new(AnnounceMs: 5_000, LockWaitMs: 10_000, SilenceMs: 30_000, TellsServer: false);

    private readonly OverlayOutput _output = new();
    private long _tickets;

    public OverlayWorld(OverlayOptions? options = null)
    {
        Overlay = new Overlay("me", new StreamerAddress("here", 1), options ?? Options, Limits.Default);
        Overlay.Tick(Now, _output); // The first announcement.
        _output.Clear();
    }

    public Overlay Overlay { get; }

    /// <summary>Milliseconds.</summary>
    public long Now { get; set; } = 1_000_000;

    public static StreamerMessage Message(string json) => StreamerMessage.Parse(Encoding.UTF8.GetBytes(json), Limits.Default);

    public static string Announce(string id, int load = 0, int peer = -1, int logins = 0) =>
        $$"""{"command":"SERVER_ANNOUNCE","id":"{{id}}","load":{{load}},"hostname":"{{id}}.example","port":3780{{(logins == 0 ? "" : $",\"logins\":{logins}")}}{{(peer < 0 ? "" : $",\"peer\":{peer}")}}}""";

    public static string Name(string command, string username, string secret, string server = "", int peer = -1) =>
        $$"""{"command":"{{command}}","username":"{{username}}","secret":"{{secret}}"{{(server.Length == 0 ? "" : $",\"server\":\"{server}\"")}}{{(peer < 0 ? "" : $",\"peer\":{peer}")}}}""";

    /// <summary>Links peers.</summary>
    public void Open(params ReadOnlySpan<int> peers)
    {
        foreach (var peer in peers)
        {
            Overlay.Open(peer, Now, _output);
        }

        _output.Clear();
    }

    /// <summary>A peer says something.</summary>
    public string[] Hear(int peer, string json) => Do(output => Overlay.Receive(peer, Message(json), Now, output));

    /// <summary>Another node says something.</summary>
    public string[] Notice(string instance, string json) => Do(output => Overlay.Notice(instance, Encoding.UTF8.GetBytes(json), Now, output));

    /// <summary>Another node comes, and is told of us.</summary>
    public void Meet(string instance, string id, int load = 0) => Notice(instance, Announce(id, load, peer: 0));

    /// <summary>Someone registers here.</summary>
    public string[] Register(string username, string secret) => Do(output => Overlay.Register(++_tickets, username, secret, Now, output));

    /// <summary>Someone logs in here; where to is it sent?</summary>
    public StreamerAddress? Redirect(int load)
    {
        StreamerAddress? address = null;
        Do(output => address = Overlay.Redirect(load, Now, output));
        return address;
    }

    /// <summary>Time passes.</summary>
    public string[] Pass(long milliseconds)
    {
        Now += milliseconds;
        return Do(output => Overlay.Tick(Now, output));
    }

    /// <summary>One step; what it asked for, in the order of its kinds.</summary>
    public string[] Do(Action<OverlayOutput> step)
    {
        step(_output);
        string[] said =
        [
            .. _output.Sends.Select(s => $"to {s.Peer}: {Short(s.Line)}"),
            .. _output.Notices.Select(n => $"notice: {Short(n)}"),
            .. _output.Questions.Select(q => $"ask {q.Username} {q.Secret}{(q.IsOurs ? " and record" : "")}"),
            .. _output.Releases.Select(r => $"forget {r.Username} {r.Secret}"),
            .. _output.Decisions.Select(d => $"decided {d.Ticket}: {d.Answer} {d.Servers}".TrimEnd()),
            .. _output.Closings.Select(c => $"close {c.Peer}"),
            .. _output.Drops.Select(d => $"drop {d}"),
        ];
        _output.Clear();
        return said;
    }

    private static string Short(byte[] line)
    {
        var json = JsonDocument.Parse(line).RootElement;
        var fields = json.EnumerateObject().Where(f => f.Name is not ("hostname" or "port")).Select(f => f.Name == "peer" ? $"(from {f.Value})" : f.Value.ToString());
        return string.Join(' ', fields);
    }
}
