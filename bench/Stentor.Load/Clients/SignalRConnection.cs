using System.Net;
using Stentor.Load.Net;

namespace Stentor.Load.Clients;

/// <summary>SignalR's JSON protocol over a WebSocket without negotiation (the "HubProtocol" specification of ASP.NET Core).</summary>
/// <param name="server">Where to connect.</param>
/// <param name="tally">What to count into.</param>
/// <param name="channels">The groups to join.</param>
internal sealed class SignalRConnection(IPEndPoint server, Tally tally, IReadOnlyList<string> channels)
    : RecordConnection(server, tally, 0x1e, "/hub")
{
    private int _greetings;

    /// <inheritdoc/>
    public override void Publish(ReadOnlySpan<byte> channel, ReadOnlySpan<byte> activity)
    {
        var record = BeginRecord();
        record.Write("{\"type\":1,\"target\":\"Publish\",\"arguments\":[\""u8);
        record.Write(channel);
        record.Write("\","u8);
        record.Write(activity);
        record.Write("]}"u8);
        EndRecord();
    }

    /// <inheritdoc/>
    protected override void OnOpen()
    {
        _greetings = 1 + channels.Count;
        SendRecord("{\"protocol\":\"json\",\"version\":1}");
        foreach (var channel in channels)
        {
            SendRecord($$"""{"type":1,"invocationId":"1","target":"Subscribe","arguments":["{{channel}}"]}""");
        }
    }

    /// <inheritdoc/>
    protected override void OnRecord(ReadOnlySpan<byte> record)
    {
        const int Telling = 8; // {"type":1
        switch (record.Length > Telling ? record[Telling] : 0)
        {
            case (byte)'1' when record.StartsWith("{\"type\":1,"u8):
                Delivered(record);
                break;
            case (byte)'3' when record.IndexOf("\"error\""u8) < 0:
            case 0 when record.SequenceEqual("{}"u8):
                IsReady = --_greetings == 0;
                break;
            case (byte)'6':
                SendRecord("{\"type\":6}");
                break;
            default:
                Fail($"Unexpected message: {Excerpt(record)}");
                break;
        }
    }
}
