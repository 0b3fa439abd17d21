using System.Buffers;
using System.IO.Pipelines;

namespace Stentor.Cli.Lab.Readers;

/// <summary>A connection's pipes, whose bytes are counted: those that come when they are taken, those that go when they are written.</summary>
/// <param name="inner">The pipes.</param>
/// <param name="traffic">Where they are counted.</param>
internal sealed class CountingPipe(IDuplexPipe inner, Traffic traffic) : IDuplexPipe
{
    /// <inheritdoc/>
    public PipeReader Input { get; } = new Reader(inner.Input, traffic);

    /// <inheritdoc/>
    public PipeWriter Output { get; } = new Writer(inner.Output, traffic);

    private sealed class Reader(PipeReader inner, Traffic traffic) : PipeReader
    {
        private ReadOnlySequence<byte> _read;

        public override bool TryRead(out ReadResult result)
        {
            var isThere = inner.TryRead(out result);
            _read = result.Buffer;
            return isThere;
        }

        public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
        {
            var result = await inner.ReadAsync(cancellationToken);
            _read = result.Buffer;
            return result;
        }

        public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
        {
            // Before the memory is given back.
            traffic.Received(_read.Slice(0, consumed).Length);
            _read = default;
            inner.AdvanceTo(consumed, examined);
        }

        public override void CancelPendingRead() => inner.CancelPendingRead();

        public override void Complete(Exception? exception = null) => inner.Complete(exception);
    }

    private sealed class Writer(PipeWriter inner, Traffic traffic) : PipeWriter
    {
        public override bool CanGetUnflushedBytes => inner.CanGetUnflushedBytes;

        public override long UnflushedBytes => inner.UnflushedBytes;

        public override Memory<byte> GetMemory(int sizeHint = 0) => inner.GetMemory(sizeHint);

        public override Span<byte> GetSpan(int sizeHint = 0) => inner.GetSpan(sizeHint);

        public override void Advance(int bytes)
        {
            traffic.Sent(bytes);
            inner.Advance(bytes);
        }

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) => inner.FlushAsync(cancellationToken);

        public override void CancelPendingFlush() => inner.CancelPendingFlush();

        public override void Complete(Exception? exception = null) => inner.Complete(exception);
    }
}
