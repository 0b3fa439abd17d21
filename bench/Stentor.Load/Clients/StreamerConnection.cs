using System.Net;
using Stentor.Load.Net;

namespace Stentor.Load.Clients;

/// <summary>An anonymous client of the Activity Streamer protocol: once it has logged in it is sent every activity. Any other answer, <c>REDIRECT</c> too, is a failure.</summary>
/// <param name="server">Where to connect.</param>
/// <param name="tally">What to count into.</param>
internal sealed class StreamerConnection(IPEndPoint server, Tally tally) : RecordConnection(server, tally, (byte)'\n', webSocketPath: null)
{
    /// <inheritdoc/>
    protected override void OnOpen() => SendRecord("""{"command":"LOGIN","username":"anonymous"}""");

    /// <inheritdoc/>
    protected override void OnRecord(ReadOnlySpan<byte> record)
    {
        if (record.StartsWith("{\"command\":\"ACTIVITY_BROADCAST\""u8))
        {
            Delivered(record);
        }
        else if (!IsReady && record.StartsWith("{\"command\":\"LOGIN_SUCCESS\""u8))
        {
            IsReady = true;
        }
        else
        {
            Fail($"Unexpected message: {Excerpt(record)}");
        }
    }
}
