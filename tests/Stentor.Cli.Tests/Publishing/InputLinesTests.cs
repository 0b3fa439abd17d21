using System.Text;
using Stentor.Cli.Publishing;

namespace Stentor.Cli.Tests.Publishing;

public sealed class InputLinesTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("a", "1:a")]
    [InlineData("a\nb\n", "1:a 2:b")]
    [InlineData("a\n\n  \r\nb", "1:a 4:b")]
    [InlineData("\uFEFFa\r\nb\r\n", "1:a 2:b")]
    public async Task Lines_are_numbered_and_blank_ones_passed_over(string input, string expected)
    {
        var lines = new List<string>();

        await foreach (var (number, line) in InputLines.ReadAsync(new MemoryStream(Encoding.UTF8.GetBytes(input)), _ => { }, TestContext.Current.CancellationToken))
        {
            lines.Add($"{number}:{Encoding.UTF8.GetString(line.Span)}");
        }

        Assert.Equal(expected, string.Join(' ', lines));
    }

    [Fact(Timeout = 10_000)]
    public async Task Whoever_asks_for_the_end_does_not_wait_for_the_next_line()
    {
        using var end = new CancellationTokenSource();
        using var input = new NeverEndingStream(onRead: end.Cancel);

        await foreach (var (number, _) in InputLines.ReadAsync(input, _ => { }, end.Token))
        {
            Assert.Fail($"Line {number} came out of nothing.");
        }

        Assert.True(end.IsCancellationRequested);
    }

    /// <summary>A terminal on which nobody types.</summary>
    private sealed class NeverEndingStream(Action onRead) : MemoryStream
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            onRead();
            await new TaskCompletionSource().Task;
            return 0;
        }
    }
}
