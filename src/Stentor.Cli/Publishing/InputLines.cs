using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace Stentor.Cli.Publishing;

/// <summary>The lines of standard input.</summary>
internal static class InputLines
{
    // A node takes a quarter of a megabyte at most unless it was told otherwise; a line without an end must not fill our memory.
    private const int LineBytesMax = 64 * 1024 * 1024;

    /// <summary>Reads lines until the input ends or the token is cancelled; both are an end, neither is a fault. Blank lines are passed over.</summary>
    /// <param name="input">The input.</param>
    /// <param name="onBytes">Told how many bytes were taken.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <returns>Each line with its number, from 1. Its memory is its own.</returns>
    public static async IAsyncEnumerable<(int Number, ReadOnlyMemory<byte> Line)> ReadAsync(
        Stream input, Action<long> onBytes, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var reader = PipeReader.Create(input, new StreamPipeReaderOptions(bufferSize: 64 * 1024, leaveOpen: true));
        var number = 0;
        while (await NextAsync(reader, cancellationToken) is { } result)
        {
            var buffer = result.Buffer;
            while (buffer.PositionOf((byte)'\n') is { } end)
            {
                var line = Trim(buffer.Slice(0, end).ToArray());
                onBytes(buffer.Slice(0, end).Length + 1);
                buffer = buffer.Slice(buffer.GetPosition(1, end));
                number++;
                if (line.Length > 0)
                {
                    yield return (number, line);
                }
            }

            if (buffer.Length > LineBytesMax)
            {
                throw new CommandException($"Line {number + 1} of the input is longer than {LineBytesMax} bytes; it cannot be an activity.");
            }

            if (result.IsCompleted)
            {
                // The last line may lack its line feed.
                var rest = Trim(buffer.ToArray());
                onBytes(buffer.Length);
                if (rest.Length > 0)
                {
                    yield return (number + 1, rest);
                }

                yield break;
            }

            reader.AdvanceTo(buffer.Start, buffer.End);
        }
    }

    private static async ValueTask<ReadResult?> NextAsync(PipeReader reader, CancellationToken cancellationToken)
    {
        try
        {
            // Reading a terminal or pipe cannot be cancelled; whoever asks for the end does not wait for the next line.
            return await reader.ReadAsync(cancellationToken).AsTask().WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    private static ReadOnlyMemory<byte> Trim(byte[] line)
    {
        var trimmed = line.AsMemory();
        trimmed = trimmed.Span.StartsWith("\uFEFF"u8) ? trimmed[3..] : trimmed;
        return trimmed.Trim(" \t\r"u8);
    }
}
