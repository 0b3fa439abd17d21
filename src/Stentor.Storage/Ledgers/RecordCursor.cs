using System.Diagnostics;

namespace Stentor.Storage;

/// <summary>Walks through a segment's file record by record, through a window of its bytes. What the disk cannot read counts as zeros, hence as damage.</summary>
/// <param name="file">The file.</param>
/// <param name="salt">The segment's salt.</param>
internal sealed class RecordCursor(IDiskFile file, uint salt)
{
    private const int WindowBytes = 1024 * 1024;

    private readonly long _length = file.Length;
    private byte[] _window = GC.AllocateUninitializedArray<byte>((int)Math.Min(WindowBytes, file.Length));
    private int _start;
    private int _filled;

    /// <summary>The entry of the record that was read last; valid until the next read.</summary>
    public ReadOnlyMemory<byte> Entry { get; private set; }

    /// <summary>Reads the record at an offset.</summary>
    /// <param name="offset">Where it starts.</param>
    /// <param name="positionMin">The least position it may have.</param>
    /// <param name="positionMax">The greatest position it may have.</param>
    /// <param name="record">What was read.</param>
    /// <returns>False when there is no good record of these positions.</returns>
    public bool TryRead(int offset, long positionMin, long positionMax, out RecordHeader record)
    {
        record = default;
        if (Bytes(offset, RecordFormat.HeaderBytes).Length < RecordFormat.HeaderBytes)
        {
            return false;
        }

        // The position first: it tells nearly always, and keeps a senseless length from costing memory.
        record = RecordFormat.Peek(Bytes(offset, RecordFormat.HeaderBytes).Span);
        if (record.Position < positionMin || record.Position > positionMax
            || record.Length <= 0 || record.Length > _length - offset - RecordFormat.HeaderBytes)
        {
            return false;
        }

        var bytes = Bytes(offset, RecordFormat.HeaderBytes + record.Length);
        if (!RecordFormat.TryRead(bytes.Span, salt, out record))
        {
            return false;
        }

        Entry = bytes.Slice(RecordFormat.HeaderBytes, record.Length);
        return true;
    }

    /// <summary>Looks for the next good record.</summary>
    /// <param name="offset">Where to start.</param>
    /// <param name="positionMin">The least position it may have.</param>
    /// <param name="positionMax">The greatest position it may have.</param>
    /// <returns>Its offset; -1 when there is none.</returns>
    public int Find(int offset, long positionMin, long positionMax)
    {
        while (true)
        {
            var window = Bytes(offset, Math.Max(RecordFormat.HeaderBytes, Math.Min(WindowBytes, (int)Math.Min(int.MaxValue, _length - offset)))).Span;
            if (window.Length < RecordFormat.HeaderBytes)
            {
                return -1;
            }

            // Zeros, most of what follows the last record of a fresh segment, are no record: skip them at the speed of memory.
            var nonZero = window.IndexOfAnyExcept((byte)0);
            var step = nonZero < 0
                ? Math.Max(RecordFormat.Alignment, (window.Length - RecordFormat.HeaderBytes) & ~(RecordFormat.Alignment - 1))
                : Math.Max(0, (nonZero - RecordFormat.HeaderBytes) & ~(RecordFormat.Alignment - 1));
            if (step > 0)
            {
                offset += step;
                continue;
            }

            var at = 0;
            for (; at + RecordFormat.HeaderBytes <= window.Length; at += RecordFormat.Alignment)
            {
                var record = RecordFormat.Peek(window[at..]);
                if (record.Position >= positionMin && record.Position <= positionMax && record.Length > 0)
                {
                    if (TryRead(offset + at, positionMin, positionMax, out _))
                    {
                        return offset + at;
                    }

                    window = Bytes(offset, window.Length).Span; // The try may have moved the window.
                }
            }

            offset += at;
        }
    }

    private ReadOnlyMemory<byte> Bytes(int offset, int count)
    {
        count = (int)Math.Min(count, Math.Max(0, _length - offset));
        if (count == 0)
        {
            return default; // Past the end: the padding of the last record may be missing.
        }

        if (offset < _start || offset + count > _start + _filled)
        {
            Fill(offset, count);
        }

        Debug.Assert(offset >= _start && offset + count <= _start + _filled, $"{offset} {count} {_start} {_filled}");
        return _window.AsMemory(offset - _start, count);
    }

    private void Fill(int offset, int count)
    {
        if (count > _window.Length)
        {
            _window = GC.AllocateUninitializedArray<byte>((count + WindowBytes - 1) / WindowBytes * WindowBytes);
        }

        _start = offset;
        _filled = (int)Math.Min(_window.Length, _length - offset);
        Salvage.Read(file, _window.AsSpan(0, _filled), offset);
    }
}
