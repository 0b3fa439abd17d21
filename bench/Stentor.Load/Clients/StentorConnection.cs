using System.Buffers.Text;
using System.Net;
using System.Text.Json;
using Stentor.Load.Net;

namespace Stentor.Load.Clients;

/// <summary>Stentor's JSON frames, on TCP or in WebSocket messages.</summary>
/// <param name="server">Where to connect.</param>
/// <param name="tally">What to count into.</param>
/// <param name="webSocketPath">The path to upgrade on; null for TCP frames.</param>
/// <param name="account">Who logs in; null for anonymous.</param>
/// <param name="channels">What is subscribed to; empty for nothing.</param>
/// <param name="after">Where subscriptions start: a seen token, <c>now</c> or <c>start</c>.</param>
internal sealed class StentorConnection(
    IPEndPoint server, Tally tally, string? webSocketPath, Account? account, IReadOnlyList<string> channels, string after = "now")
    : RecordConnection(server, tally, (byte)'\n', webSocketPath)
{
    private int _greetings;
    private long _ref;

    private static ReadOnlySpan<byte> OkFront => "{\"op\":\"ok\",\"ref\":"u8;

    /// <summary>The newest outcome of a publish, as the server sent it; kept only on request.</summary>
    public string? LastOutcome { get; private set; }

    /// <summary>Whether the next outcome is kept in <see cref="LastOutcome"/>.</summary>
    public bool KeepsOutcome { get; set; }

    /// <inheritdoc/>
    public override void Publish(ReadOnlySpan<byte> channel, ReadOnlySpan<byte> activity)
    {
        var record = BeginRecord();
        record.Write("{\"op\":\"publish\",\"ref\":"u8);
        Utf8Formatter.TryFormat(++_ref, record.GetSpan(20), out var digits);
        record.Advance(digits);
        record.Write(",\"channel\":\""u8);
        record.Write(channel);
        record.Write("\",\"activity\":"u8);
        record.Write(activity);
        record.Write("}"u8);
        EndRecord();
    }

    /// <inheritdoc/>
    protected override void OnOpen()
    {
        // Ready after the hello and an ok for each request of the greeting.
        _greetings = 1;
        if (account is not null)
        {
            _greetings++;
            SendRecord($$"""{"op":"login","ref":{{++_ref}},"username":"{{account.Username}}","secret":"{{account.Secret}}"}""");
        }

        if (channels.Count > 0)
        {
            _greetings++;
            SendRecord($$"""{"op":"subscribe","ref":{{++_ref}},"channels":{{JsonSerializer.Serialize(channels)}},"after":"{{after}}"}""");
        }
    }

    /// <inheritdoc/>
    protected override void OnRecord(ReadOnlySpan<byte> record)
    {
        // The seventh byte of {"op":"… tells every operation of the server from the others.
        const int Telling = 7;
        switch (record.Length > Telling ? record[Telling] : 0)
        {
            case (byte)'a' when record.StartsWith("{\"op\":\"activity\""u8):
                Delivered(record);
                break;
            case (byte)'o' when record.StartsWith("{\"op\":\"ok\",\"ref\":0"u8):
                break; // The answer to our answer to a ping.
            case (byte)'o' when record.StartsWith(OkFront):
                if (!IsReady)
                {
                    IsReady = --_greetings == 0;
                    break;
                }

                Acknowledged();
                if (KeepsOutcome)
                {
                    KeepsOutcome = false;
                    LastOutcome = System.Text.Encoding.UTF8.GetString(record);
                }

                break;
            case (byte)'h' when !IsReady:
                IsReady = --_greetings == 0;
                break;
            case (byte)'p' when record.StartsWith("{\"op\":\"ping\""u8):
                SendRecord("{\"op\":\"ping\",\"ref\":0}");
                break;
            default:
                Fail($"Unexpected frame: {Excerpt(record)}");
                break;
        }
    }
}

/// <summary>A registered user.</summary>
/// <param name="Username">The name.</param>
/// <param name="Secret">The secret.</param>
internal sealed record Account(string Username, string Secret);
