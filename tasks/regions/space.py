"""wip"""
import numpy as np
from relusweep.tasks.regions import _cells

def run(layers, slope=0.0, low=None, high=None, limit=10**6, answer=None):
    W=[np.asarray(w,float) for w,_ in layers[:-1]]; B=[np.asarray(b,float) for _,b in layers[:-1]]
    d=W[0].shape[1]; widths=[len(w) for w in W]; n=sum(widths); wmax=max(widths+[d]); D=d+1; L=len(W)
    weights=np.zeros((L,wmax,wmax)); biases=np.zeros((L,wmax))
    for l,(w,b) in enumerate(zip(W,B)):
        weights[l,:w.shape[0],:w.shape[1]]=w; biases[l,:len(b)]=b
    first=np.concatenate([[0],np.cumsum(widths)])
    network=(weights,biases,first,float(slope))
    if low is None:
        c=np.zeros(d);h=np.ones(d); ext=np.zeros((1,D)); ext[0,-1]=-1; nfree=1
    else:
        low,high=np.asarray(low,float),np.asarray(high,float)
        c=(low+high)/2;h=(high-low)/2; nfree=0
        ext=np.concatenate([np.column_stack([np.diag(h),c-high]),np.column_stack([-np.diag(h),low-c])])
        ext/=np.linalg.norm(ext,axis=1,keepdims=True)
    E=len(ext)
    extra=(np.column_stack([np.diag(h),c]),np.zeros(d),np.ones(d,np.uint8),nfree)
    rows=np.zeros((n+E,D)); rows[n:]=ext; noise=np.zeros(n+E); noise[n:]=1e-15
    space=(np.zeros((n,D)),np.zeros(n),rows,noise)
    cap=n+3
    stack=(np.zeros((cap,n),np.uint8),np.zeros((cap,n+E),np.uint8),np.zeros((cap,D)),np.zeros(cap,np.int64),np.ones(1,np.int64))
    stack[1][0,n:]=1; stack[2][0,-1]=1
    size=min(limit,1<<16)
    found=(np.zeros((size,n),np.uint8),np.zeros((size,n+E),np.uint8),np.zeros((size,D)),np.zeros(size,np.uint8),np.zeros(1,np.int64))
    q=D+3
    scratch=(np.zeros((2,D)),np.zeros((2,q),np.int64),np.zeros(2,np.int64),np.zeros((n+E+1,D)),np.zeros(n+E+1),np.zeros(n+E+1,np.int64),np.zeros(n+E+1,np.uint8),np.zeros(q),np.zeros((q,q+1)),np.zeros((q,2*q)),np.zeros((q,max(D,wmax+1))),np.zeros(q),np.zeros((2,wmax,wmax+1)),np.zeros((2,wmax)),np.ones(wmax,np.uint8),np.zeros((n+E,d)))
    nq=0
    while True:
        code=_cells.explore(network,extra,space,stack,found,scratch)
        if code!=_cells.QUESTION: break
        nq+=1
        node=stack[4][0]
        # drop it
        if answer: answer(node,stack,space,scratch)
        if nq>20000: break
    return code,found,nq
