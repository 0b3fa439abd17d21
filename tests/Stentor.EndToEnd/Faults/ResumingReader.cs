using System.Net.Sockets;
using Stentor.EndToEnd.Frames;
using Stentor.EndToEnd.Processes;

namespace Stentor.EndToEnd.Faults;

/// <summary>Reads <c>load.></c> over as many connections as it takes, resuming after the last token, and keeps the numbers of the entries that it was shown.</summary>
internal sealed class ResumingReader
{
    private string _seen = "start";
    private long _last;

    /// <summary>The numbers of the entries, in the order in which they came, without those that it knew when they came again after a resume.</summary>
    public List<long> Shown { get; } = [];

    /// <summary>Reads until an entry with a number was shown.</summary>
    /// <param name="node">The node.</param>
    /// <param name="last">Completes with that number.</param>
    public async Task RunAsync(NodeUnderFire node, Task<long> last)
    {
        while (!IsDone(last))
        {
            try
            {
                await using var connection = await FrameConnection.ConnectAsync((await node.UpAsync()).Tcp);
                await connection.SubscribeAsync(_seen, "load.>");
                while (!IsDone(last) && await connection.ReadRawAsync(frame => OnFrame(frame) && !IsDone(last)))
                {
                }
            }
            catch (Exception e) when (e is IOException or SocketException or EndOfStreamException)
            {
                // The node was killed; the next connection goes on after the last token.
            }
        }
    }

    private bool IsDone(Task<long> last) => last.IsCompletedSuccessfully && _last >= last.Result;

    private bool OnFrame(ReadOnlySpan<byte> frame)
    {
        if (frame.IndexOf("\"op\":\"activity\""u8) >= 0)
        {
            var seq = EntryNumbers.After(frame, "\"seq\":"u8);
            if (seq > _last)
            {
                Shown.Add(seq);
                _last = seq;
            }
            else
            {
                // Only what lies behind the last token may come again.
                Assert.True(Shown.BinarySearch(seq) >= 0, $"Entry {seq} came after {_last} and was never shown before.");
            }

            _seen = EntryNumbers.TextAfter(frame, "\"seen\":\""u8) ?? _seen;
        }

        return true;
    }
}
